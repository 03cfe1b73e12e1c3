#!/usr/bin/env python3
"""Makes tiff-more.tar.gz: TIFFs that others than Pillow write, and the pixels that they stand for.

Pinned: Python 3.11, tifffile 2026.3.3, imagecodecs 2026.3.6 (libtiff 4.7.1), Pillow 13.0.0, numpy 2.4.6. Run it where
these are:

    pip install tifffile==2026.3.3 imagecodecs==2026.3.6 pillow==13.0.0 numpy==2.4.6 && python make_tiff_more.py

The archive has NAME.tiff and sums.txt with a line for each, NAME SUM, the first half of the SHA-256 of height x width x 3
bytes. Where Pillow reads a file of 8 bits these are its pixels; of others, the samples are tifffile's, and become bytes
as docs/images.md says of --range auto. Lines grid/NAME SUM are of files of tiff.tar.gz whose pixels are not Pillow's:
it refuses them, takes signed samples for unsigned ones, clips those of more than 8 bits, or reads planes of 16 bits
wrongly. Uncompressed YCbCr is converted by libtiff (TIFFReadRGBAImage, in imagecodecs).
"""

import gzip
import hashlib
import io
import pathlib
import struct
import tarfile

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageCms

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 33, 27
files, sums = {}, {}


def scene(channels, seed=0):
    """Gradients, an edge and a little noise, 0 to 1."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels].astype(float)
    out = (x / WIDTH * (c + 1) / channels + y / HEIGHT * (channels - c) / channels) / 2
    out[(x - 12) ** 2 + (y - 10) ** 2 < 30] = 0.9
    return (out + np.random.default_rng(seed).normal(0, 0.01, out.shape)).clip(0, 1)


def sum_of(pixels):
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:32]


def auto(samples, bits, no_data=None):
    """Bytes of grey or RGB, height x width x channels."""
    if samples.dtype == np.uint8 and bits <= 8:
        out = np.rint(samples.astype(float) * 255 / (2**bits - 1)).astype(np.uint8)
        return out
    if samples.dtype.kind == "u" and bits <= 16:
        return (samples >> (bits - 8)).astype(np.uint8)
    v = samples.astype(np.float64)
    valid = np.isfinite(v)
    if no_data is not None:
        valid &= v != no_data
    low, high = v[valid].min(), v[valid].max()
    if samples.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    with np.errstate(invalid="ignore"):
        out = np.rint(np.clip((np.where(valid, v, 0) - low) / ((high - low) or 1) * 255, 0, 255)).astype(np.uint8)
    out[~valid] = 0
    return out


def by_tifffile(data, no_data=None):
    with tifffile.TiffFile(io.BytesIO(data)) as f:
        page = f.pages[0]
        samples = page.asarray()
        if page.planarconfig == 2 and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        samples = samples.reshape(page.imagelength, page.imagewidth, -1)
        colours = {2: 3, 5: 4, 6: 3}.get(int(page.photometric), 1)
        if page.photometric == 3:
            colors = page.tags[320].value
            colors = np.array(colors).reshape(3, -1)
            return np.moveaxis(colors[:, samples[..., 0].astype(int)] >> 8, 0, -1).astype(np.uint8)
        if page.photometric == 5:
            high = samples[..., :4] >> 8 if samples.dtype == np.uint16 else samples[..., :4]
            return np.asarray(Image.fromarray(high.astype(np.uint8), "CMYK").convert("RGB"))
        bits = page.bitspersample
        alpha = [i for i, e in enumerate(page.extrasamples) if int(e) == 1]
        kept = samples[..., :colours]
        if alpha and samples.dtype.kind == "u":
            kept = (kept >> max(0, bits - 8)).astype(np.int64)
            a = (samples[..., colours + alpha[0]] >> max(0, bits - 8)).astype(np.int64)[..., None]
            divided = np.minimum(255, 255 * kept // np.maximum(a, 1))
            out = np.where((a == 0) | (a == 255), kept, divided).astype(np.uint8)
            if len(page.extrasamples) > 1 and bits == 8:
                out[(a == 0)[..., 0]] = 0
        else:
            out = auto(kept, bits, no_data)
        if page.photometric == 0:
            out = 255 - out
        return np.repeat(out, 3, axis=2) if out.shape[2] == 1 else out


def by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def by_libtiff(data):
    return np.ascontiguousarray(imagecodecs.tiff_decode(data, asrgb=True)[..., :3])


def add(name, data, pixels):
    files[name], sums[name] = data, sum_of(np.ascontiguousarray(pixels))


def write(name, samples, by=by_tifffile, no_data=None, **options):
    buffer = io.BytesIO()
    options.setdefault("metadata", None)
    tifffile.imwrite(buffer, samples, software="", **options)
    data = buffer.getvalue()
    add(name, data, by(data) if no_data is None else by(data, no_data))


def typed(dtype, channels):
    v = scene(channels)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        out = (v * 300 - 100).astype(kind)
    else:
        info = np.iinfo(kind)
        out = (info.min + v * (float(info.max) - info.min)).clip(info.min, float(info.max) * 0.999).astype(kind)
    return out[..., 0] if channels == 1 else out


COMPRESSIONS = {"none": None, "lzw": "lzw", "deflate": "zlib", "zstd": "zstd", "packbits": "packbits"}
for dtype in ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"]:
    for channels in (1, 3):
        colours = "rgb" if channels == 3 else "minisblack"
        base = f"{dtype}-{colours}"
        for how, compression in COMPRESSIONS.items():
            write(f"{base}-{how}", typed(dtype, channels), photometric=colours, compression=compression, byteorder="<", rowsperstrip=13)
        write(f"{base}-big-endian", typed(dtype, channels), photometric=colours, byteorder=">", rowsperstrip=7)
        write(f"{base}-bigtiff-tiles", typed(dtype, channels), photometric=colours, compression="zlib", tile=(16, 32), bigtiff=True, byteorder=">")
        for order in "<>":
            write(f"{base}-predictor-{order == '<'}", typed(dtype, channels), photometric=colours, compression="zlib", predictor=True, byteorder=order, tile=(32, 16))
        if channels == 3:
            write(f"{base}-planes-tiles", np.moveaxis(typed(dtype, 3), -1, 0), photometric=colours, planarconfig="separate", compression="lzw", tile=(16, 16))

for bits in range(9, 16):
    write(f"packed-{bits}", (scene(3) * (2**bits - 1)).astype("u2"), photometric="rgb", bitspersample=bits)
for bits in range(1, 8):
    write(f"packed-{bits}", (scene(1)[..., 0] * (2**bits - 1)).astype("u1"), photometric="minisblack", bitspersample=bits)
    write(f"packed-{bits}-white", (scene(1)[..., 0] * (2**bits - 1)).astype("u1"), photometric="miniswhite", bitspersample=bits)
write("float-unit", scene(3).astype("f4"), photometric="rgb")
holes = (scene(1)[..., 0] * 50 + 200).astype("f4")
holes[3:9, 4:20], holes[20, 20:25], holes[21, 21] = -9999, np.nan, np.inf
write("float-nodata", holes, photometric="minisblack", no_data=-9999, extratags=[(42113, "s", 6, "-9999", True)])
whole = typed("i2", 1)
whole[3:9, 4:20] = -32768
write("int16-nodata", whole, photometric="minisblack", no_data=-32768, extratags=[(42113, "s", 7, "-32768", True)])
for extra in [("unspecified",), ("unassalpha",), ("assocalpha",), ("unspecified",) * 4]:
    n = len(extra)
    write(f"rgb8-extra{n}-{extra[0]}", typed("u1", 3 + n), photometric="rgb", extrasamples=extra, compression="lzw")
    write(f"rgb16-extra{n}-{extra[0]}", typed("u2", 3 + n), photometric="rgb", extrasamples=extra, compression="zlib", predictor=True)
    write(f"grey8-extra{n}-{extra[0]}", typed("u1", 1 + n), photometric="minisblack", extrasamples=extra, planarconfig="contig")
write("cmyk8", typed("u1", 4), photometric="separated", compression="lzw")
write("cmyk16", typed("u2", 4), photometric="separated", compression="zlib")
write("cmyk8-extra", typed("u1", 5), photometric="separated", extrasamples=("unspecified",), planarconfig="contig")

# JPEG and WebP inside, by tifffile (a JPEG for each tile) and by libtiff (with tables).
write("jpeg-grey", typed("u1", 1), by_pillow, photometric="minisblack", compression="jpeg", compressionargs={"level": 90})
for sampling in [(1, 1), (2, 1), (2, 2)]:
    for tile in [None, (32, 48)]:
        name = f"jpeg-ycbcr-{sampling[0]}{sampling[1]}-{'tiles' if tile else 'strips'}"
        write(name, typed("u1", 3), by_pillow, photometric="rgb", compression="jpeg", compressionargs={"level": 85}, subsampling=sampling, tile=tile, rowsperstrip=None if tile else 16)
write("webp-lossless", typed("u1", 3), photometric="rgb", compression="webp", compressionargs={"lossless": True}, tile=(32, 32))
write("webp-lossy", typed("u1", 3), photometric="rgb", compression="webp", compressionargs={"level": 80}, tile=(32, 32))
for mode in ["L", "RGB", "YCbCr", "CMYK"]:
    buffer = io.BytesIO()
    image = Image.fromarray(typed("u1", 4), "CMYK") if mode == "CMYK" else Image.fromarray(typed("u1", 3)).convert(mode)
    image.save(buffer, "TIFF", compression="jpeg", quality=80)
    add(f"libtiff-jpeg-{mode.lower()}", buffer.getvalue(), by_pillow(buffer.getvalue()))

# A pyramid: the page, and smaller ones in its SubIFDs; and one whose preview comes first.
buffer = io.BytesIO()
with tifffile.TiffWriter(buffer) as out:
    out.write(typed("u1", 3), photometric="rgb", tile=(16, 16), subifds=2, metadata=None, software="")
    for step in (2, 4):
        out.write(typed("u1", 3)[::step, ::step], photometric="rgb", tile=(16, 16), subfiletype=1, metadata=None, software="")
add("pyramid", buffer.getvalue(), typed("u1", 3))
buffer = io.BytesIO()
with tifffile.TiffWriter(buffer) as out:
    out.write(typed("u1", 3)[::4, ::4], photometric="rgb", subfiletype=1, metadata=None, software="")
    out.write(typed("u1", 3), photometric="rgb", metadata=None, software="")
add("preview-first", buffer.getvalue(), typed("u1", 3))


def build(tags, block, shuffle=False):
    """A little-endian TIFF of one strip; tags are numbers or tuples of 16-bit numbers."""
    tags = {273: 0, 279: len(block), **tags}
    order = sorted(tags)
    if shuffle:
        order = order[::-1]
    at, extra, entries = 8 + 2 + 12 * len(tags) + 4, b"", b""
    places = {}
    for tag in order:
        if isinstance(tags[tag], tuple):
            places[tag] = at + len(extra)
            extra += struct.pack(f"<{len(tags[tag])}H", *tags[tag])
    tags[273] = at + len(extra)
    for tag in order:
        value = tags[tag]
        if tag in places and len(value) > 2:
            entries += struct.pack("<HHII", tag, 3, len(value), places[tag])
        elif tag in places:
            entries += struct.pack("<HHI", tag, 3, len(value)) + struct.pack(f"<{len(value)}H", *value).ljust(4, b"\0")
        else:
            entries += struct.pack("<HHII", tag, 4, 1, value)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + extra + block


size = {256: WIDTH, 257: HEIGHT, 278: HEIGHT}
rgb = typed("u1", 3)
add("unsorted", build({**size, 258: (8, 8, 8), 259: 1, 262: 2, 277: 3}, rgb.tobytes(), shuffle=True), rgb)
add("one-depth", build({**size, 258: 8, 259: 1, 262: 2, 277: 3}, rgb.tobytes()), rgb)

# YCbCr with less chroma, as clusters of luma and one of each chroma.
ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
for h, v in [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (1, 2)]:
    padded = np.pad(ycc, ((0, -HEIGHT % v), (0, -WIDTH % h), (0, 0)), mode="edge")
    block = b""
    for y in range(0, padded.shape[0], v):
        for x in range(0, padded.shape[1], h):
            cluster = padded[y : y + v, x : x + h]
            block += cluster[..., 0].tobytes() + bytes(cluster[0, 0, 1:])
    data = build({**size, 258: (8, 8, 8), 259: 1, 262: 6, 277: 3, 530: (h, v)}, block)
    spread = np.repeat(np.repeat(padded[::v, ::h, 1:], v, 0), h, 1)  # libtiff itself errs in the corner of 4 by 4
    spread = np.concatenate([padded[..., :1], spread], -1)[:HEIGHT, :WIDTH]
    add(f"ycbcr-{h}{v}", data, by_libtiff(build({**size, 258: (8, 8, 8), 259: 1, 262: 6, 277: 3, 530: (1, 1)}, spread.tobytes())))


# Faxes with runs of all lengths, black and white.
rng = np.random.default_rng(7)
rows = []
for y in range(60):
    row, colour = [], y % 2
    while len(row) < 5000:
        row += [colour] * int(min(rng.integers(0, 3000), rng.exponential(10 ** rng.uniform(0, 3.5))))
        colour ^= 1
    rows.append(row[:5000])
    if y % 3:  # much like the one above
        rows[-1] = [a if rng.random() > 0.002 else 1 - a for a in rows[-2]]
fax = Image.fromarray(np.array(rows, bool))
for how, info in [("tiff_ccitt", {}), ("group3", {}), ("group3", {292: 1}), ("group3", {292: 4}), ("group3", {292: 5}), ("group4", {})]:
    buffer = io.BytesIO()
    fax.save(buffer, "TIFF", compression=how, tiffinfo=info)
    add(f"fax-{how}-{info.get(292, 0)}", buffer.getvalue(), by_pillow(buffer.getvalue()))


def old_lzw(data):
    """LZW of before TIFF 5: the lowest bits first, codes longer one code later."""
    table, bits, out, have, count = {bytes([i]): i for i in range(256)}, 9, bytearray(), 0, 0

    def put(code):
        nonlocal have, count
        have |= code << count
        count += bits
        while count >= 8:
            out.append(have & 255)
            have >>= 8
            count -= 8

    put(256)
    prefix, following = b"", 258
    for b in data:
        longer = prefix + bytes([b])
        if longer in table:
            prefix = longer
            continue
        put(table[prefix])
        table[longer] = following
        following += 1
        if following > 1 << bits:
            bits += 1
        if following == 4094:
            put(256)
            table, bits, following = {bytes([i]): i for i in range(256)}, 9, 258
        prefix = bytes([b])
    put(table[prefix])
    put(257)
    out.append(have & 255)
    return bytes(out)


data = build({**size, 258: (8, 8, 8), 259: 5, 262: 2, 277: 3}, old_lzw(rgb.tobytes()))
add("old-lzw", data, by_pillow(data))

# What Pillow cannot be asked about in tiff.tar.gz.
with tarfile.open(HERE / "tiff.tar.gz") as archive:
    grid = {m.name: archive.extractfile(m).read() for m in archive}
pillow = dict(line.split() for line in grid.pop("sums.txt").decode().splitlines())
for name, data in grid.items():
    name = name.removesuffix(".tiff")
    if name.endswith(("none-predictor", "packbits-predictor")):  # which libtiff passes over
        data = data.replace(struct.pack("<HHIHH", 317, 3, 1, 2, 0), struct.pack("<HHIHH", 317, 3, 1, 1, 0))
    try:
        pixels = by_libtiff(data) if "ycbcr" in name.lower() else by_tifffile(data)
    except Exception as error:
        print(name, "is not read:", error)
        continue
    own = sum_of(np.ascontiguousarray(pixels))
    if own != pillow[name]:
        sums["grid/" + name] = own

# Lab: what Pillow (LittleCMS) makes of colours that sRGB has, a line each: L, a + 128, b + 128, red, green, blue.
steps = np.array(np.meshgrid(*[range(0, 256, 51)] * 3)).reshape(3, -1).T.astype(np.uint8)
profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
lab = ImageCms.profileToProfile(Image.fromarray(steps[None]), *profiles, outputMode="LAB")
back = np.asarray(lab.convert("RGB"))[0]
pairs = np.frombuffer(lab.tobytes(), np.uint8).reshape(-1, 3) ^ np.array([0, 128, 128], np.uint8)
lines = [" ".join(map(str, [*a, *b])) for a, b in zip(pairs.tolist(), back.tolist())]
(HERE / "lab.txt").write_text("\n".join(lines) + "\n")

raw = io.BytesIO()
with tarfile.open(fileobj=raw, mode="w") as archive:
    members = {f"{name}.tiff": data for name, data in sorted(files.items())}
    members["sums.txt"] = "".join(f"{name} {total}\n" for name, total in sorted(sums.items())).encode()
    for name, data in members.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
(HERE / "tiff-more.tar.gz").write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))
print(len(files), "files,", len(sums), "sums")
