#!/usr/bin/env python3
"""Makes testdata/picture/tiles: small scenes of many bands, with NoData, in pyramids, and cases.json: the tiles of them.

    make_tiles.py OUT

Needs numpy, tifffile 2026.3.3 with imagecodecs 2026.3.6 and rasterio 1.4.4. The scenes are seeded noise over ramps.
What a tile shows is computed from what rasterio reads (GDAL's samples), with NumPy's arithmetic for the range.
"""
import hashlib, json, pathlib, sys, warnings

import numpy as np
import rasterio
import tifffile
from rasterio.enums import Resampling

warnings.simplefilter("ignore")
OUT = pathlib.Path(sys.argv[1])
OUT.mkdir(parents=True, exist_ok=True)
RNG = np.random.default_rng(23)
CASES = []


def scene(bands, height, width, low, high, dtype):
    """Ramps with noise, different in each band."""
    y, x = np.mgrid[0:height, 0:width]
    out = np.empty((bands, height, width), np.float64)
    for b in range(bands):
        ramp = (x * (b + 1) + y * (bands - b)) / (width * (b + 1) + height * (bands - b))
        out[b] = low + (high - low) * np.clip(ramp + RNG.normal(0, 0.02, ramp.shape), 0, 1)
    return out.astype(dtype)


def gdal(name, data, **options):
    bands, height, width = data.shape
    with rasterio.open(OUT / name, "w", driver="GTiff", width=width, height=height, count=bands, dtype=data.dtype, **options) as f:
        f.write(data)


def ranged(v, missing, how, bits):
    """The bytes of samples, with the range of all of them."""
    present = v[~missing].astype(np.float64)
    if how == "full":
        return np.where(missing, 0, v.astype(np.int64) >> (bits - 8)).astype(np.uint8)
    if how == "minmax":
        low, high = present.min(), present.max()
    elif how.startswith("percentile:"):
        low, high = np.percentile(present, [float(p) for p in how[11:].split(",")])
    else:
        low, high = [float(p) for p in how.split("..")]
    with np.errstate(invalid="ignore"):
        out = np.clip(np.rint((v.astype(np.float64) - low) / (high - low) * 255), 0, 255)
    return np.where(missing, 0, out).astype(np.uint8)


def add(name, samples, size, stride, level=0, bands="", range_="", computed="eight", nodata=None, bits=16, alpha=None):
    """Adds the tiles of samples (bands, height, width), the chosen ones."""
    v = samples
    missing = np.zeros(v.shape, bool)
    if nodata is not None:
        missing |= v == nodata
    if v.dtype.kind == "f":
        missing |= ~np.isfinite(v)
    pixels = v.astype(np.uint8) if computed == "eight" else ranged(v, missing, computed, bits)
    pixels = pixels if len(pixels) == 3 else np.repeat(pixels, 3, 0)
    opaque = np.where(missing.all(0), 0, 255).astype(np.uint8)
    if alpha is not None:
        opaque = np.minimum(opaque, alpha)
    has_alpha = alpha is not None or nodata is not None or v.dtype.kind == "f"
    rows, columns = v.shape[1:]

    def starts(side):
        if side <= size:
            return [0]
        places = list(range(0, side - size + 1, stride))
        return places if places[-1] == side - size else places + [side - size]

    tiles = {}
    for y in starts(rows):
        for x in starts(columns):
            part = np.zeros((size, size, 4), np.uint8)
            h, w = min(size, rows - y), min(size, columns - x)
            part[:h, :w, :3] = pixels[:, y : y + h, x : x + w].transpose(1, 2, 0)
            part[:h, :w, 3] = opaque[y : y + h, x : x + w]
            if not has_alpha and h == w == size:
                part = part[:, :, :3]
            tiles[f"{x},{y}"] = hashlib.sha256(np.ascontiguousarray(part).tobytes()).hexdigest()[:32]
    CASES.append({"file": name, "tile": f"{size}:{stride}@{level}", "bands": bands, "range": range_, "tiles": tiles})


def read(name, bands, level=None):
    with rasterio.open(OUT / name, **({} if level is None else {"overview_level": level})) as f:
        return f.read(bands)


# Ten bands of 16 bits in planes, in tiles whose grid is not that of ours.
gdal("ten.tif", scene(10, 130, 150, 200, 9000, "uint16") // 16 * 16, tiled=True, blockxsize=64, blockysize=48, interleave="band", compress="deflate")
for bands in [[4, 3, 2], [10], [1, 10, 5]]:
    text = ",".join(map(str, bands))
    add("ten.tif", read("ten.tif", bands), 48, 48, bands=text, computed="full")
    add("ten.tif", read("ten.tif", bands), 64, 40, bands=text, range_="minmax", computed="minmax")
    add("ten.tif", read("ten.tif", bands), 64, 64, bands=text, range_="percentile:2,98", computed="percentile:2,98")
    add("ten.tif", read("ten.tif", bands), 150, 150, bands=text, range_="0..4095", computed="0..4095")
add("ten.tif", read("ten.tif", [1]), 64, 64, computed="full")

# The same in pixels and strips, of 8 bits, with NoData in some or all bands.
five = scene(5, 97, 111, 1, 255, "uint8")
five[:, 10:40, 20:70] = 0
five[1, 60:80, 50:100] = 0
gdal("five.tif", five, interleave="pixel", compress="lzw", nodata=0, blockysize=7)
for bands in [[5, 3, 1], [2]]:
    add("five.tif", read("five.tif", bands), 32, 32, bands=",".join(map(str, bands)), nodata=0)
add("five.tif", read("five.tif", [1]), 50, 25, nodata=0)

# Floats with NaN and NoData: their range is the scene's.
floats = scene(4, 80, 90, -30, 55, "float32")
floats[:, 0:30, 0:30] = -9999
floats[2, 40:50, 40:60] = np.nan
gdal("float.tif", floats, tiled=True, blockxsize=32, blockysize=32, compress="deflate", predictor=3, nodata=-9999, interleave="pixel")
for range_, computed in [("", "minmax"), ("percentile:1,99", "percentile:1,99"), ("-10..40", "-10..40")]:
    add("float.tif", read("float.tif", [3, 2, 1]), 30, 30, bands="3,2,1", range_=range_, computed=computed, nodata=-9999)
    add("float.tif", read("float.tif", [4]), 40, 20, bands="4", range_=range_, computed=computed, nodata=-9999)

# Heights: signed, not compressed, and most tiles left out of the file, which are NoData.
height = np.full((1, 128, 160), -32768, "int16")
height[:, 64:96, 32:96] = scene(1, 32, 64, -400, 1800, "int16")
with rasterio.open(OUT / "sparse.tif", "w", driver="GTiff", width=160, height=128, count=1, dtype="int16", nodata=-32768, tiled=True,
                   blockxsize=32, blockysize=32, sparse_ok=True) as f:
    f.write(height[:, 64:96, 32:96], window=rasterio.windows.Window(32, 64, 64, 32))
assert (read("sparse.tif", [1]) == height).all()
add("sparse.tif", height, 48, 48, computed="minmax", nodata=-32768)
add("sparse.tif", height, 48, 48, bands="1", range_="percentile:5,95", computed="percentile:5,95", nodata=-32768)

# A pyramid of GDAL's, whose levels are pages that are marked as reduced.
gdal("pyramid.tif", scene(3, 200, 260, 0, 255, "uint8"), tiled=True, blockxsize=64, blockysize=64, compress="deflate", photometric="rgb", interleave="pixel")
with rasterio.open(OUT / "pyramid.tif", "r+") as f:
    f.build_overviews([2, 4], Resampling.average)
for level in range(3):
    add("pyramid.tif", read("pyramid.tif", [1, 2, 3], None if level == 0 else level - 1), 56, 56, level=level)

# One of tifffile's in BigTIFF, whose levels are SubIFDs, and one like a scanner's: pages in JPEG that nothing marks,
# with a thumbnail in strips and a label between and after them.
base = scene(3, 192, 256, 0, 255, "uint8").transpose(1, 2, 0)
levels = [base, base[::2, ::2], base[::4, ::4]]
with tifffile.TiffWriter(OUT / "subifds.tif", bigtiff=True) as f:
    f.write(levels[0], subifds=2, tile=(64, 64), photometric="rgb", compression="zlib")
    for smaller in levels[1:]:
        f.write(smaller, subfiletype=1, tile=(64, 64), photometric="rgb", compression="zlib")
with tifffile.TiffWriter(OUT / "slide.svs") as f:
    options = dict(tile=(64, 64), photometric="rgb", compression="jpeg", compressionargs={"level": 85})
    f.write(levels[0], description="Aperio Image Library (made up)", metadata=None, **options)
    f.write(np.ascontiguousarray(base[::3, ::3]), photometric="rgb", metadata=None, rowsperstrip=16)
    f.write(levels[2], metadata=None, **options)
    f.write(np.ascontiguousarray(base[:60, :40]), photometric="rgb", metadata=None, subfiletype=1)
for level, page in enumerate(levels):
    add("subifds.tif", page.transpose(2, 0, 1), 64, 64, level=level)
    with tifffile.TiffFile(OUT / "subifds.tif") as f:
        assert (f.series[0].levels[level].asarray() == page).all()
with tifffile.TiffFile(OUT / "slide.svs") as f:
    for level, page in enumerate([f.pages[0], f.pages[2]]):
        add("slide.svs", page.asarray().transpose(2, 0, 1), 60, 30, level=level)

# Four samples of 16 bits, the last of which is opacity, and a palette of classes with NoData.
four = scene(4, 70, 60, 0, 65535, "uint16")
tifffile.imwrite(OUT / "alpha.tif", four.transpose(1, 2, 0), photometric="rgb", extrasamples=["unassalpha"], rowsperstrip=9, metadata=None)
add("alpha.tif", four[[2, 0, 1]], 32, 32, bands="3,1,2", computed="full", alpha=(four[3] >> 8).astype("uint8"))
add("alpha.tif", four[[3, 0, 1]], 32, 32, bands="4,1,2", computed="full")
classes = RNG.integers(0, 5, (40, 50), "uint8")
palette = RNG.integers(0, 256, (256, 3))
with rasterio.open(OUT / "classes.tif", "w", driver="GTiff", width=50, height=40, count=1, dtype="uint8", photometric="palette", nodata=0) as f:
    f.write(classes, 1)
    f.write_colormap(1, {i: (*map(int, c), 255) for i, c in enumerate(palette)})
with rasterio.open(OUT / "classes.tif") as f:
    stored = np.array([f.colormap(1)[i][:3] for i in range(256)], "uint8")
shown = stored[classes].transpose(2, 0, 1).astype("int16")
add("classes.tif", shown, 25, 25, alpha=np.where(classes == 0, 0, 255).astype("uint8"))

(OUT / "cases.json").write_text(json.dumps(CASES, indent=0) + "\n")
