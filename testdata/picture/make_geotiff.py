"""Makes geotiff.tar.gz, small files with georeferences of every kind, and geotiff.txt, the bounds of each and of tiles
of it as rasterio (GDAL) has them:

    pip install numpy==2.4.6 rasterio==1.4.4
    python make_geotiff.py

A line is FILE LEVEL X Y SIZE, where SIZE 0 is the whole file, and the CRS and the bounds, or - for none.
"""

import io
import os
import struct
import tarfile
import tempfile

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.windows import Window
from rasterio.windows import bounds as window_bounds

HERE = os.path.dirname(os.path.abspath(__file__))
NORTH_UP = Affine(10, 0, 499980, 0, -10, 5500020)

# name: (width, height, CRS, transformation, options of the driver, other arguments)
FILES = {
    "utm.tif": (70, 50, "EPSG:32633", NORTH_UP, {}),
    "wgs84.tif": (36, 18, "EPSG:4326", Affine(0.1, 0, -180, 0, -0.1, 90), {}),
    "point.tif": (70, 50, "EPSG:32633", NORTH_UP, {"AREA_OR_POINT": "Point"}),
    "rotated.tif": (40, 30, "EPSG:25832", Affine.translation(400000, 5600000) * Affine.rotation(30) * Affine.scale(2.5, -2.5), {}),
    "rotated-point.tif": (40, 30, "EPSG:25832", Affine.translation(400000, 5600000) * Affine.rotation(-75) * Affine.scale(0.3, -0.7),
                          {"AREA_OR_POINT": "Point"}),
    "south-up.tif": (20, 30, "EPSG:3857", Affine(100, 0, -1e6, 0, 100, 2e6), {}),
    "mirrored.tif": (20, 30, "EPSG:3857", Affine(-100, 0, -1e6, 0, -100, 2e6), {}),
    "own-crs.tif": (20, 30, "+proj=laea +lat_0=52 +lon_0=10 +datum=WGS84 +units=m", Affine(1000, 0, 0, 0, -1000, 0), {}),
    "no-crs.tif": (20, 30, None, Affine(2, 0, 100, 0, -2, 200), {}),
    "no-place.tif": (20, 30, None, None, {}),
    "crs-alone.tif": (20, 30, "EPSG:32633", None, {}),
    "points.tif": (20, 30, "EPSG:4326", None, {}),
    "big.tif": (70, 50, "EPSG:31467", NORTH_UP, {"BIGTIFF": "YES"}),
    "big-endian.tif": (70, 50, "EPSG:32733", NORTH_UP, {"ENDIANNESS": "BIG"}),
    "compound.tif": (20, 30, "EPSG:32633+5773", NORTH_UP, {}),
    "feet.tif": (20, 30, "EPSG:2263", NORTH_UP, {}),
    "grads.tif": (20, 30, "EPSG:4807", Affine(0.1, 0, 0, 0, -0.1, 55), {}),
    "pyramid.tif": (301, 203, "EPSG:32633", NORTH_UP, {"TILED": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64}),
}

# name: (a file above, what is written over in its directory of keys: four numbers of 16 bits each, old and new). These
# say less than they seem to: coordinates in other units than the system's, a projected system of which only the geographic one below it has a number, keys beyond
# those that are counted, more keys than there are, another version, no kind of system.
EDITED = {
    "projected-unnamed.tif": ("utm.tif", (3072, 0, 1, 32633), (2048, 0, 1, 4326)),
    "projected-alone.tif": ("utm.tif", (1024, 0, 1, 1), (1026, 0, 1, 1)),
    "geographic-alone.tif": ("wgs84.tif", (1024, 0, 1, 2), (1026, 0, 1, 2)),
    "metres-as-feet.tif": ("utm.tif", (3076, 0, 1, 9001), (3076, 0, 1, 9003)),
    "feet-as-metres.tif": ("feet.tif", (3076, 0, 1, 9003), (3076, 0, 1, 9001)),
    "other-feet.tif": ("feet.tif", (3076, 0, 1, 9003), (3076, 0, 1, 9002)),
    "grads-as-degrees.tif": ("grads.tif", (2054, 0, 1, 9105), (2054, 0, 1, 9102)),
    "no-unit.tif": ("utm.tif", (3076, 0, 1, 9001), (3080, 0, 1, 9001)),
    "one-key.tif": ("point.tif", (1, 1, 0, 7), (1, 1, 0, 1)),
    "too-many-keys.tif": ("point.tif", (1, 1, 0, 7), (1, 1, 0, 99)),
    "other-version.tif": ("point.tif", (1, 1, 0, 7), (9, 1, 0, 7)),
}


def edit(folder, name):
    original, old, new = EDITED[name]
    with open(os.path.join(folder, original), "rb") as f:
        data = f.read()
    old, new = (struct.pack("<4H", *numbers) for numbers in (old, new))
    assert data.count(old) == 1, (name, data.count(old))
    file = os.path.join(folder, name)
    with open(file, "wb") as f:
        f.write(data.replace(old, new))
    return file


def make(folder, name):
    width, height, crs, transform, options = FILES[name]
    file = os.path.join(folder, name)
    options = dict(options)
    tags = {"AREA_OR_POINT": options.pop("AREA_OR_POINT")} if "AREA_OR_POINT" in options else {}
    profile = dict(driver="GTiff", width=width, height=height, count=1, dtype="uint8", compress="deflate", **options)
    if crs:
        profile["crs"] = crs
    if transform is not None:
        profile["transform"] = transform
    pixels = np.random.default_rng(len(name)).integers(1, 255, (height, width), dtype=np.uint8)
    with rasterio.open(file, "w", **profile) as f:
        f.update_tags(**tags)
        f.write(pixels, 1)
        if name == "points.tif":
            f.gcps = [GroundControlPoint(r, c, c / 10, -r / 10) for r, c in ((0, 0), (0, 20), (30, 0), (30, 20))], f.crs
    if name == "pyramid.tif":
        with rasterio.open(file, "r+") as f:
            f.build_overviews([2, 4], Resampling.nearest)
    return file


def lines(file, name):
    with rasterio.open(file) as f:
        placed = f.transform != Affine.identity()
        try:
            authority = f.crs.to_authority() if f.crs else None
        except Exception:  # of a compound one
            authority = None
        if name == "compound.tif":  # of which the horizontal part counts
            authority = ("EPSG", "32633")
        crs = ":".join(authority) if authority else "-"

    levels = 3 if name == "pyramid.tif" else 1
    for level in range(levels):
        with rasterio.open(file, **({"overview_level": level - 1} if level else {})) as f:
            windows = [(0, 0, 0)] if level == 0 else []
            if name in ("utm.tif", "rotated.tif", "pyramid.tif", "no-place.tif"):
                windows += [(x, y, 32) for y in range(0, f.height, 32) for x in range(0, f.width, 32)]
            for x, y, size in windows:
                window = Window(x, y, size or f.width, size or f.height).intersection(Window(0, 0, f.width, f.height))
                corners = [f.transform * (window.col_off + a * window.width, window.row_off + b * window.height)
                           for a in (0, 1) for b in (0, 1)]
                bounds = [min(c[0] for c in corners), min(c[1] for c in corners), max(c[0] for c in corners), max(c[1] for c in corners)]
                if f.transform.is_rectilinear and f.transform.e < 0 < f.transform.a:  # rasterio's own agree
                    assert np.allclose(bounds, window_bounds(window, f.transform), rtol=0, atol=1e-9)
                said = " ".join(repr(float(b)) for b in bounds) if placed else "- - - -"
                yield f"{name} {level} {x} {y} {size} {crs if placed else '-'} {said}"


def main():
    out = []
    with tempfile.TemporaryDirectory() as folder, tarfile.open(os.path.join(HERE, "geotiff.tar.gz"), "w:gz") as tar:
        for name in [*FILES, *EDITED]:
            file = edit(folder, name) if name in EDITED else make(folder, name)
            out += lines(file, name)
            with open(file, "rb") as f:
                data = f.read()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with open(os.path.join(HERE, "geotiff.txt"), "w", encoding="ascii") as f:
        f.write("\n".join(out) + "\n")


main()
