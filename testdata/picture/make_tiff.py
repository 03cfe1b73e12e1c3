#!/usr/bin/env python3
"""Makes tiff.tar.gz: small TIFFs of every kind that can be told by its tags, and Pillow's pixels.

Pinned as make_golden.py: Pillow 13.0.0 (libtiff 4.7.2), numpy 2.4.6. Run it where these are:

    python make_tiff.py

The archive has NAME.tiff, and a member sums.txt with a line for each, NAME SUM: the first half of the
SHA-256 of height x width x 3 bytes, what Image.open and convert("RGB") give, or - where Pillow
does not open it. Names say what is in the file, such as
bilevel-group4-photo1-fill2-strips-II. Fax strips are libtiff's, written through Pillow and put
into files of other tags here: the bits of a fax say which runs are black, and photometric 1 turns
them round, for libtiff as for all readers built on it. Pillow cannot be asked about 16-bit grey,
which it clips: its high byte is kept instead, turned round where zero is white.
"""

import gzip
import hashlib
import io
import itertools
import pathlib
import struct
import tarfile
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 29, 19
REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))
# A name, the Compression that it stands for, and T4Options.
FAX = {
    "rle": ("tiff_ccitt", None),
    "group3": ("group3", None),
    "group3-options0": ("group3", 0),
    "group3-aligned": ("group3", 4),
    "group3-2d": ("group3", 1),
    "group3-2d-aligned": ("group3", 5),
    "group4": ("group4", None),
}
COMPRESSIONS = {"none": 1, "lzw": 5, "deflate": 8, "deflate-old": 32946, "packbits": 32773}
files = {}
sums = {}


def scene(seed, shape, top):
    """Gradients and edges."""
    y, x, c = np.mgrid[0 : shape[0], 0 : shape[1], 0 : shape[2]].astype(float)
    out = (x * (c + 1) * 7 + y * (11 - 2 * c) + seed) % 256
    out[(x - 9) ** 2 + (y - 8) ** 2 < 30] = 250
    return (out.clip(0, 255) / 255 * top).astype(np.uint16)


def bits():
    """A picture of ones and zeros: blots, lines, single pixels, a row of each colour."""
    out = scene(1, (HEIGHT, WIDTH, 1), 255)[..., 0] > 110
    out[3], out[4], out[7, ::2] = True, False, True
    return out.astype(np.uint8)


def read_tags(data):
    """The tags of a file of Pillow's, all of them numbers, and its strips."""
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", data, 4)[0]
    tags = {}
    for i in range(struct.unpack_from(order + "H", data, at)[0]):
        tag, kind, count, value = struct.unpack_from(order + "HHII", data, at + 2 + 12 * i)
        letter = {1: "B", 3: "H", 4: "I"}.get(kind)
        if letter is None:
            continue
        size = struct.calcsize(letter) * count
        start = at + 2 + 12 * i + 8 if size <= 4 else value
        tags[tag] = struct.unpack_from(order + letter * count, data, start)
    return tags, [data[o : o + n] for o, n in zip(tags[273], tags[279])]


def build(order, tags, blocks, tiled=False):
    """A TIFF of tags, {number: value or tuple of 16-bit numbers}, and its strips or tiles."""
    offsets, counts = (324, 325) if tiled else (273, 279)
    tags = dict(tags)
    tags[offsets], tags[counts] = tuple(0 for _ in blocks), tuple(len(b) for b in blocks)
    tags = {tag: value if isinstance(value, tuple) else (value,) for tag, value in sorted(tags.items())}
    wide = (offsets, counts)
    at = 8 + 2 + 12 * len(tags) + 4
    where = {}
    for tag, value in tags.items():
        size = len(value) * (4 if tag in wide else 2)
        if size > 4:
            where[tag], at = at, at + size
    starts = []
    for block in blocks:
        starts.append(at)
        at += len(block) + len(block) % 2
    tags[offsets] = tuple(starts)
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    extra = b""
    for tag, value in tags.items():
        body = struct.pack(order + ("I" if tag in wide else "H") * len(value), *value)
        out += struct.pack(order + "HHI", tag, 4 if tag in wide else 3, len(value))
        if tag in where:
            out += struct.pack(order + "I", where[tag])
            extra += body
        else:
            out += body.ljust(4, b"\0")
    out += struct.pack(order + "I", 0) + extra
    for block in blocks:
        out += block + b"\0" * (len(block) % 2)
    return out


def compress(how, data):
    """One strip of bytes."""
    if how == "none":
        return data
    if how.startswith("deflate"):
        return zlib.compress(data, 9)
    # A row of bytes is a grey picture of one row to libtiff.
    buffer = io.BytesIO()
    image = Image.frombytes("L", (len(data), 1), data)
    image.save(buffer, "tiff", compression={"lzw": "tiff_lzw", "packbits": "packbits"}[how])
    tags, strips = read_tags(buffer.getvalue())
    assert len(strips) == 1 and tags.get(317, (1,)) == (1,)
    return strips[0]


def add(name, data, golden=None):
    files[name + ".tiff"], sums[name] = data, "-"
    try:
        if golden is None:
            with Image.open(io.BytesIO(data)) as image:
                golden = np.asarray(image.convert("RGB"))
    except Exception:  # Pillow has many kinds
        return
    sums[name] = hashlib.sha256(golden.tobytes()).hexdigest()[:32]


def basic(samples, depth, photometric):
    tags = {256: WIDTH, 257: HEIGHT, 258: (depth,) * samples, 259: 1, 262: photometric, 277: samples, 278: HEIGHT}
    return tags


def fax_pictures():
    image = Image.fromarray(bits() * 255).convert("1")
    for (name, (how, options)), strips in itertools.product(FAX.items(), ("whole", "strips")):
        buffer = io.BytesIO()
        info = {} if options is None else {292: options}
        # libtiff's strips are as many rows as fit into strip_size bytes.
        image.save(buffer, "tiff", compression=how, tiffinfo=info, strip_size=2**16 if strips == "whole" else 24)
        tags, blocks = read_tags(buffer.getvalue())
        assert (len(blocks) > 1) == (strips == "strips"), (name, len(blocks))
        assert (tags.get(292, (0,))[0] & 1) == ("2d" in name), (name, tags)
        add(f"bilevel-{name}-pillow-{strips}", buffer.getvalue())
        for photometric, fill, order in itertools.product((0, 1), (1, 2), "<>"):
            some = {256: WIDTH, 257: HEIGHT, 258: 1, 259: tags[259], 262: photometric, 266: fill, 277: 1, 278: tags[278]}
            if options is not None:
                some[292] = tags[292]
            turned = [b.translate(REVERSED) if fill == 2 else b for b in blocks]
            letters = "II" if order == "<" else "MM"
            add(f"bilevel-{name}-photo{photometric}-fill{fill}-{strips}-{letters}", build(order, some, turned))
    # Rows that T.4 has without marks, and a file that lacks its photometric tag.
    some = basic(1, 1, 1) | {259: 4}
    del some[262]
    buffer = io.BytesIO()
    image.save(buffer, "tiff", compression="group4")
    add("bilevel-group4-no-photo", build("<", some, read_tags(buffer.getvalue())[1]))
    add("bilevel-group4-predictor", build("<", some | {262: 1, 317: 2}, read_tags(buffer.getvalue())[1]))


def packed_rows(samples, depth, order):
    """Bytes of each row of samples, an array of height x width x samples."""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            yield flat.astype(order + "u2").tobytes()
        elif depth == 8:
            yield flat.astype(np.uint8).tobytes()
        else:
            unpacked = np.unpackbits(flat.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
            yield np.packbits(unpacked.ravel()).tobytes()


def strips_of(how, rows, each):
    return [compress(how, b"".join(rows[i : i + each])) for i in range(0, len(rows), each)]


def bilevel_pictures():
    for how, photometric, fill, (each, strips), order in itertools.product(
        COMPRESSIONS, (0, 1), (1, 2), ((HEIGHT, "whole"), (5, "strips")), "<>"
    ):
        rows = list(packed_rows(bits()[..., None], 1, order))
        blocks = strips_of(how, rows, each)
        if fill == 2:
            blocks = [b.translate(REVERSED) for b in blocks]
        tags = basic(1, 1, photometric) | {259: COMPRESSIONS[how], 266: fill, 278: each}
        letters = "II" if order == "<" else "MM"
        add(f"bilevel-{how}-photo{photometric}-fill{fill}-{strips}-{letters}", build(order, tags, blocks))


def high_byte(samples, inverted):
    grey = (samples[..., 0] >> 8).astype(np.uint8)
    return np.repeat((255 - grey if inverted else grey)[..., None], 3, -1)


# A name; samples, bits, photometric; further tags.
KINDS = {
    "grey2": (1, 2, 1, {}),
    "grey4": (1, 4, 1, {}),
    "grey8": (1, 8, 1, {}),
    "grey8-white0": (1, 8, 0, {}),
    "grey16": (1, 16, 1, {}),
    "grey16-white0": (1, 16, 0, {}),
    "grey8-signed": (1, 8, 1, {339: 2}),
    "grey16-signed": (1, 16, 1, {339: 2}),
    "grey8-extra": (2, 8, 1, {338: 0}),
    "grey8-alpha": (2, 8, 1, {338: 2}),
    "grey8-premultiplied": (2, 8, 1, {338: 1}),
    "palette1": (1, 1, 3, {}),
    "palette4": (1, 4, 3, {}),
    "palette8": (1, 8, 3, {}),
    "palette8-alpha": (2, 8, 3, {338: 2}),
    "mask": (1, 1, 4, {}),
    "rgb4": (3, 4, 2, {}),
    "rgb8": (3, 8, 2, {}),
    "rgb16": (3, 16, 2, {}),
    "rgb8-signed": (3, 8, 2, {339: (2, 2, 2)}),
    "rgb8-extra": (4, 8, 2, {338: 0}),
    "rgb8-four": (4, 8, 2, {}),
    "rgb8-alpha": (4, 8, 2, {338: 2}),
    "rgb16-alpha": (4, 16, 2, {338: 2}),
    "rgb8-five": (5, 8, 2, {338: (0, 0)}),
    "rgb8-five-alpha": (5, 8, 2, {338: (2, 0)}),
    "rgb8-five-premultiplied": (5, 8, 2, {338: (1, 0)}),
    "rgb16-five": (5, 16, 2, {338: (0, 0)}),
    "rgb8-six": (6, 8, 2, {338: (0, 0, 0)}),
    "cmyk8": (4, 8, 5, {}),
    "cmyk8-alpha": (5, 8, 5, {338: 2}),
    "lab8": (3, 8, 8, {}),
    "lab8-signed": (3, 8, 9, {}),
    "ycbcr8": (3, 8, 6, {530: (1, 1)}),
    "cfa8": (1, 8, 32803, {}),
    "unknown8": (1, 8, 777, {}),
}


def deeper_pictures():
    for name, (samples, depth, photometric, more) in KINDS.items():
        top = (1 << depth) - 1
        values = scene(len(name), (HEIGHT, WIDTH, samples), top)
        golden = None
        if depth == 16 and samples == 1 and not more:
            golden = high_byte(values, photometric == 0)
        tags = basic(samples, depth, photometric) | more
        if photometric == 3:
            tags[320] = tuple(int(v) for v in np.random.default_rng(depth).integers(0, 256, 3 << depth) * 257)
        for how, order in (("none", "<"), ("none", ">"), ("lzw", "<"), ("deflate", ">"), ("packbits", "<")):
            rows = list(packed_rows(values, depth, order))
            letters = "II" if order == "<" else "MM"
            each = HEIGHT if how == "none" else 5
            some = tags | {259: COMPRESSIONS[how], 278: each}
            add(f"{name}-{how}-{letters}", build(order, some, strips_of(how, rows, each)), golden)
        rows = list(packed_rows(values, depth, "<"))
        add(f"{name}-fill2", build("<", tags | {266: 2}, [b.translate(REVERSED) for b in strips_of("none", rows, HEIGHT)]), golden)
        if depth < 8:
            continue
        # The differences to the left neighbour; a predictor means nothing without LZW or Deflate.
        differences = values.astype(np.int64)
        differences[:, 1:] -= values[:, :-1].astype(np.int64)
        predicted = list(packed_rows((differences % (top + 1)).astype(np.uint16), depth, "<"))
        add(f"{name}-lzw-predictor", build("<", tags | {259: 5, 317: 2}, strips_of("lzw", predicted, HEIGHT)), golden)
        add(f"{name}-deflate-predictor", build("<", tags | {259: 8, 317: 2}, strips_of("deflate", predicted, HEIGHT)), golden)
        add(f"{name}-none-predictor", build("<", tags | {317: 2}, strips_of("none", rows, HEIGHT)), golden)
        add(f"{name}-packbits-predictor", build("<", tags | {259: 32773, 317: 2}, strips_of("packbits", rows, HEIGHT)), golden)
        if samples > 1:
            planes = [b"".join(packed_rows(values[..., i : i + 1], depth, "<")) for i in range(samples)]
            add(f"{name}-planes", build("<", tags | {284: 2}, planes))
            add(f"{name}-one-depth", build("<", tags | {258: depth}, strips_of("none", rows, HEIGHT)))


def tiled_pictures():
    padded = np.zeros((32, 32, 3), np.uint16)
    for name, samples, depth, photometric in (("bilevel", 1, 1, 0), ("bilevel", 1, 1, 1), ("grey8", 1, 8, 1), ("rgb8", 3, 8, 2), ("rgb16", 3, 16, 2)):
        values = scene(7, (HEIGHT, WIDTH, samples), (1 << depth) - 1) if depth > 1 else bits()[..., None]
        padded = np.zeros((32, 32, samples), np.uint16)
        padded[:HEIGHT, :WIDTH] = values
        for how in COMPRESSIONS:
            tiles = []
            for y, x in itertools.product((0, 16), (0, 16)):
                tiles.append(compress(how, b"".join(packed_rows(padded[y : y + 16, x : x + 16], depth, "<"))))
            tags = basic(samples, depth, photometric) | {259: COMPRESSIONS[how], 322: 16, 323: 16}
            del tags[278]
            add(f"{name}-photo{photometric}-tiles-{how}", build("<", tags, tiles, tiled=True))
    padded = np.zeros((32, 32), np.uint8)
    padded[:HEIGHT, :WIDTH] = bits()
    tiles = []
    for y, x in itertools.product((0, 16), (0, 16)):
        buffer = io.BytesIO()
        Image.fromarray(padded[y : y + 16, x : x + 16] * 255).convert("1").save(buffer, "tiff", compression="group4")
        tiles.append(read_tags(buffer.getvalue())[1][0])
    for photometric in (0, 1):
        tags = basic(1, 1, photometric) | {259: 4, 322: 16, 323: 16}
        del tags[278]
        add(f"bilevel-photo{photometric}-tiles-group4", build("<", tags, tiles, tiled=True))


def other_pictures():
    """What Pillow writes by itself and no tag of the above says."""
    picture = Image.fromarray(scene(3, (HEIGHT, WIDTH, 3), 255).astype(np.uint8))
    for how in ("jpeg", "zstd", "webp", "lzma"):
        buffer = io.BytesIO()
        try:
            picture.save(buffer, "tiff", compression=how)
        except Exception as problem:
            print(f"rgb8-{how}: cannot be written: {problem}")
            continue
        add(f"rgb8-{how}", buffer.getvalue())
    for mode in ("F", "I", "LA", "CMYK", "YCbCr", "LAB"):
        image = picture.convert("L").convert(mode) if mode in "FI" else picture.convert(mode) if mode != "LAB" else Image.frombytes("LAB", picture.size, picture.tobytes())
        buffer = io.BytesIO()
        image.save(buffer, "tiff")
        add(f"pillow-{mode}", buffer.getvalue())
    buffer = io.BytesIO()
    picture.save(buffer, "tiff", big_tiff=True)
    add("pillow-bigtiff", buffer.getvalue())


if __name__ == "__main__":
    fax_pictures()
    bilevel_pictures()
    deeper_pictures()
    tiled_pictures()
    other_pictures()
    files["sums.txt"] = "".join(f"{name} {s}\n" for name, s in sorted(sums.items())).encode()
    with open(HERE / "tiff.tar.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in sorted(files.items()):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    print(len(sums), "files,", sum(s != "-" for s in sums.values()), "with pixels")
