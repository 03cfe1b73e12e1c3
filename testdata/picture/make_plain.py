#!/usr/bin/env python3
"""Makes plain.tar.gz: small BMPs, icons, PNMs, Photoshop documents, TGAs, PCXs, textures and the like, with their pixels.

Pinned: Pillow 13.0.0, numpy 2.4.6, psd-tools 1.26.0. Run it in a virtual environment that holds these:

    python make_plain.py

A member NAME is a file, NAME.rgb its width and height (two 32-bit numbers, the lowest byte first) and RGB pixels, and
NAME.over the pixels over the colour #336699, if the file has opacity. They are Pillow's, by convert("RGB") and paste.
Where Pillow reads a file wrongly or not at all, they are the samples that were written: that is told by the argument
"samples", with the reason. 16 bits of grey in PNMs are scaled by the largest value as those of colours are, where
convert("RGB") clips; so are floats, from the least to the largest.
"""

import gzip
import io
import pathlib
import struct
import tarfile
import zlib

import numpy as np
from PIL import Image
from psd_tools import PSDImage

HERE = pathlib.Path(__file__).parent
BACKGROUND = (0x33, 0x66, 0x99)
files = {}
random = np.random.default_rng(7)
W, H = 23, 17


def scene(width=W, height=H, channels=3):
    """Gradients, an edge and some noise."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    out = np.stack([255 * x / width, 255 * y / height, 255 - 255 * x * y / width / height, 40 + 200 * ((x + y) % 7) / 6], -1)
    out[(x > width * 0.6) & (y < height * 0.4)] = (10, 60, 240, 0)
    return (out + random.normal(0, 9, out.shape)).clip(0, 255).astype(np.uint8)[..., :channels]


def numbers(colours, width=W, height=H):
    """Indices in runs of varying length."""
    lengths = random.integers(1, 9, width * height)
    return np.repeat(random.integers(0, colours, width * height), lengths)[: width * height].reshape(height, width).astype(np.uint8)


def add(name, data, samples=None, opacity=None, size=None):
    """samples, H x W x 3, replace Pillow's pixels; they must be equal if Pillow's are to be had and size is None."""
    files[name] = bytes(data)
    if samples is None:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert image.mode[0] not in "IF", name
            if "A" in image.getbands() or "transparency" in image.info or image.palette and image.palette.mode == "RGBA":
                opacity = np.asarray(image.convert("RGBA").getchannel("A"))
            samples = np.asarray(image.convert("RGB"))
    samples = np.ascontiguousarray(samples, np.uint8)
    if samples.ndim == 2:
        samples = np.dstack([samples] * 3)
    head = struct.pack("<II", samples.shape[1], samples.shape[0])
    files[name + ".rgb"] = head + samples.tobytes()
    if opacity is not None:
        over = Image.new("RGB", (samples.shape[1], samples.shape[0]), BACKGROUND)
        over.paste(Image.fromarray(samples), mask=Image.fromarray(np.ascontiguousarray(opacity, np.uint8)))
        files[name + ".over"] = head + over.tobytes()


def saved(name, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    add(name, buffer.getvalue())


def packed(index, bits):
    """Rows of indices of 1 to 8 bits, the first in the highest bits."""
    rows = []
    for row in index:
        flat = np.unpackbits(row.reshape(-1, 1), axis=1)[:, 8 - bits :].ravel()
        rows.append(np.packbits(flat).tobytes())
    return rows


def palette_of(count):
    return random.integers(0, 256, (count, 3), np.uint8)


# BMP


def dib(width, height, bits, compression=0, size=40, colours=0, masks=(), image_bytes=0):
    """A bitmap's header, with the masks behind or in it."""
    if size == 12:
        return struct.pack("<IHHHH", 12, width, height, 1, bits)
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, image_bytes, 2835, 2835, colours, 0)
    mask_bytes = b"".join(struct.pack("<I", m) for m in masks)
    if size == 40:
        return head + mask_bytes
    return (head + mask_bytes).ljust(size, b"\0")[:size]


def bmp_rows(rows, top_down=False):
    rows = [r + bytes(-len(r) % 4) for r in rows]
    return b"".join(rows if top_down else rows[::-1])


def bmp(name, head, table, body, gap=0, **more):
    offset = 14 + len(head) + len(table) + gap
    whole = head + table + bytes(gap) + body
    add(name, b"BM" + struct.pack("<IHHI", 14 + len(whole), 0, 0, offset) + whole, **more)


def bmps():
    for bits in (1, 2, 4, 8):
        for size, short, down, gap in (
            (12, 0, 0, 0), (16, 0, 0, 0), (40, 0, 0, 0), (40, 1, 0, 0), (40, 0, 1, 0), (40, 1, 0, 10), (64, 0, 0, 0), (108, 0, 0, 2), (124, 1, 1, 0),
        ):  # fmt: skip
            count = max(2, (1 << bits) * 2 // 3) if short else 1 << bits
            index, colours = numbers(count), palette_of(count)
            entry = 3 if size == 12 else 4
            table = b"".join(bytes(c[::-1]) + bytes(entry - 3) for c in colours)
            known = bits != 2 and size != 16  # to Pillow
            bmp(f"bmp-{bits}-header{size}-{'short' if short else 'full'}{'-down' if down else ''}-gap{gap}.bmp",
                dib(W, -H if down else H, bits, 0, size, count if short else 0), table, bmp_rows(packed(index, bits), down), gap,
                samples=None if known else colours[index])  # fmt: skip
    grey = np.arange(256, dtype=np.uint8)
    index = scene()[..., 0]
    bmp("bmp-8-grey.bmp", dib(W, H, 8), b"".join(bytes([g, g, g, 0]) for g in grey), bmp_rows(packed(index, 8)))
    bmp("bmp-1-white-black.bmp", dib(W, H, 1), b"\xff\xff\xff\0\0\0\0\0", bmp_rows(packed(numbers(2), 1)))
    pixels = scene()
    for size in (12, 40, 64, 108, 124):
        bmp(f"bmp-24-header{size}.bmp", dib(W, H, 24, 0, size), b"", bmp_rows([r[:, ::-1].tobytes() for r in pixels]))
    bmp("bmp-24-gap-down.bmp", dib(W, -H, 24), b"", bmp_rows([r[:, ::-1].tobytes() for r in pixels], True), 30)
    for size in (40, 108, 124):  # the fourth byte means nothing, zero or not
        for fourth in (0, 77):
            rows = [np.dstack([r[None, :, ::-1], np.full((1, W, 1), fourth, np.uint8)]).tobytes() for r in pixels]
            bmp(f"bmp-32-header{size}-fourth{fourth}.bmp", dib(W, H, 32, 0, size), b"", bmp_rows(rows))
    bmp("bmp-16.bmp", dib(W, H, 16), b"", bmp_rows([r.astype("<u2").tobytes() for r in random.integers(0, 1 << 16, (H, W))]))
    masked_bmps()
    rle_bmps()


def by_mask(values, mask):
    """Samples of 8 bits, rounded down."""
    if not mask:
        return np.zeros(values.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    return ((values & mask) >> shift) * 255 // (mask >> shift)


def masked_bmps():
    known = {
        16: [(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)],
        32: [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
             (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000)],
    }  # fmt: skip
    others = {16: [(0xF00, 0xF0, 0xF, 0), (0xF00, 0xF0, 0xF, 0xF000), (0xE0, 0x1C, 3, 0), (0x7C00, 0x3E0, 0x1F, 0x8000)],
              32: [(0x3FF00000, 0xFFC00, 0x3FF, 0), (0xFF, 0xFF00, 0xFF0000, 0), (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)]}  # fmt: skip
    for bits in (16, 32):
        values = random.integers(0, 1 << bits, (H, W), np.uint64)
        body = bmp_rows([r.astype(f"<u{bits // 8}").tobytes() for r in values])
        for size, compression in ((40, 3), (52, 3), (56, 3), (108, 3), (124, 3), (40, 6)):
            for masks in known[bits] + others[bits]:
                three = masks[:3] if compression == 3 and size < 56 else masks
                effective = tuple(three) + (0,) * (4 - len(three))
                opacity = by_mask(values, effective[3]) if effective[3] else None
                pillows = compression == 3 and effective in known[bits]
                name = f"bmp-{bits}-header{size}-compression{compression}-{'-'.join(f'{m:x}' for m in masks)}.bmp"
                samples = np.dstack([by_mask(values, m) for m in effective[:3]])
                bmp(name, dib(W, H, bits, compression, size, masks=three), b"", body, samples=None if pillows else samples, opacity=opacity)


def runs(index, four, rng, cut=False, downs=False):
    """Run lengths, with every way to write them; with cut the rest is passed over, with downs places are."""
    out = bytearray()
    expected = np.zeros_like(index)
    for y in range(index.shape[0])[::-1]:
        if cut and y < index.shape[0] // 2:
            break
        x, row = 0, index[y]
        while x < len(row):
            kind = rng.integers(0, 4)
            n = int(min(len(row) - x, rng.integers(3, 14)))
            if kind == 0 and n >= 3:  # literally
                out += bytes([0, n])
                part = row[x : x + n]
                body = packed(part[None], 4)[0] if four else part.tobytes()
                out += body + bytes(len(body) % 2)
                expected[y, x : x + n] = part
            elif kind == 1 and downs and x + n < len(row):  # passed over
                out += bytes([0, 2, n, 0])
            else:
                n = 1
                if four:
                    a, b = int(row[x]), int(row[min(x + 1, len(row) - 1)])
                    while x + n < len(row) and row[x + n] == (b if n % 2 else a):
                        n += 1
                    out += bytes([n, a << 4 | b])
                else:
                    while x + n < len(row) and row[x + n] == row[x]:
                        n += 1
                    out += bytes([n, int(row[x])])
                expected[y, x : x + n] = row[x : x + n]
            x += n
        out += b"\0\0"
    return bytes(out) + b"\0\1", expected


def rle_bmps():
    rng = np.random.default_rng(11)
    for bits in (4, 8):
        count = 1 << bits
        colours = palette_of(count)
        table = b"".join(bytes(c[::-1]) + b"\0" for c in colours)
        for size in (40, 64, 108, 124):
            for kind in ("plain", "downs", "cut"):
                body, expected = runs(numbers(count), bits == 4, rng, kind == "cut", kind == "downs")
                # Pillow refuses a file whose last rows are passed over.
                bmp(f"bmp-rle{bits}-header{size}-{kind}.bmp", dib(W, H, bits, 2 if bits == 4 else 1, size, image_bytes=len(body)), table, body,
                    samples=colours[expected] if kind == "cut" else None)  # fmt: skip


# Windows's icons and cursors


def directory(kind, images):
    """images are (width, height, colours, bits, content)."""
    out, at = struct.pack("<HHH", 0, kind, len(images)), 6 + 16 * len(images)
    for width, height, colours, bits, content in images:
        out += struct.pack("<BBBBHHII", width % 256, height % 256, colours, 0, 1, bits, len(content), at)
        at += len(content)
    return out + b"".join(image[4] for image in images)


def icon_bitmap(width, height, bits, mask):
    head = dib(width, 2 * height, bits)
    table = b""
    if bits <= 8:
        table = b"".join(bytes(c[::-1]) + b"\0" for c in palette_of(1 << bits))
        rows = packed(numbers(1 << bits, width, height), bits)
    else:
        rows = [r[:, [2, 1, 0, 3][: bits // 8]].tobytes() for r in scene(width, height, 4)]
    return head + table + bmp_rows(rows) + bmp_rows(packed(mask, 1))


def mac_runs(values):
    out, x = bytearray(), 0
    while x < len(values):
        n = 1
        while x + n < len(values) and n < 130 and values[x + n] == values[x]:
            n += 1
        if n >= 3:
            out += bytes([125 + n, values[x]])
        else:
            n = min(len(values) - x, 7)
            out += bytes([n - 1]) + values[x : x + n].tobytes()
        x += n
    return bytes(out)


def icons():
    for bits in (1, 4, 8, 24, 32):
        mask = numbers(2, 19, 13)
        add(f"ico-{bits}.ico", directory(1, [(19, 13, 0, bits, icon_bitmap(19, 13, bits, mask))]))
    small, large = (icon_bitmap(n, n, 24, numbers(2, n, n)) for n in (9, 16))
    add("ico-sizes.ico", directory(1, [(9, 9, 0, 24, small), (16, 16, 0, 24, large), (9, 9, 0, 24, small)]))
    deep = icon_bitmap(16, 16, 32, numbers(2, 16, 16))
    add("ico-depths.ico", directory(1, [(16, 16, 0, 32, deep), (16, 16, 16, 0, icon_bitmap(16, 16, 4, numbers(2, 16, 16))), (16, 16, 0, 24, large)]))
    image = Image.fromarray(scene(64, 64, 4))
    saved("ico-png.ico", image, format="ICO", sizes=[(16, 16), (48, 48)])
    saved("ico-bmp.ico", image, format="ICO", sizes=[(16, 16), (24, 24)], bitmap_format="bmp")
    parts = b""
    for name, size in ((b"icp4", 16), (b"ic11", 32)):
        buffer = io.BytesIO()
        image.resize((size, size)).save(buffer, "PNG")
        parts += name + struct.pack(">I", 8 + len(buffer.getvalue())) + buffer.getvalue()
    add("icns.icns", b"icns" + struct.pack(">I", 8 + len(parts)) + parts)
    for name, mask, side in ((b"is32", b"s8mk", 16), (b"il32", b"l8mk", 32), (b"it32", b"t8mk", 128)):
        values = scene(side, side, 4)
        values[3 : side // 2] = values[3, 3]
        for how in ("runs", "plain", "opaque") if side < 128 else ("runs",):
            body = values[..., :3].tobytes() if how == "plain" else b"".join(mac_runs(values[..., c].ravel()) for c in range(3))
            parts = [(name, (bytes(4) if name == b"it32" else b"") + body)]
            if how != "opaque":
                parts.append((mask, values[..., 3].tobytes()))
            parts = b"".join(k + struct.pack(">I", 8 + len(p)) + p for k, p in parts)
            add(f"icns-{name.decode()}-{how}.icns", b"icns" + struct.pack(">I", 8 + len(parts)) + parts)
    add("cur-32.cur", directory(2, [(16, 16, 3, 4, deep)]))
    mask = numbers(2, 16, 16)
    body = dib(16, 32, 1) + b"\0\0\0\0\xff\xff\xff\0" + bmp_rows(packed(numbers(2, 16, 16), 1)) + bmp_rows(packed(mask, 1))
    add("cur-1.cur", directory(2, [(16, 16, 0, 0, body)]))
    index, colours = numbers(16, 16, 16), palette_of(16)  # whose mask Pillow does not read
    body = dib(16, 32, 4) + b"".join(bytes(c[::-1]) + b"\0" for c in colours) + bmp_rows(packed(index, 4)) + bmp_rows(packed(mask, 1))
    add("cur-4.cur", directory(2, [(16, 16, 0, 0, body)]), samples=colours[index], opacity=255 - 255 * mask)


# PNM, PFM, PAM


def netpbm():
    bits, rng = numbers(2), random
    text = "\n".join(" ".join(str(v) for v in row) for row in bits)
    add("pnm-p1.pbm", f"P1\n# a comment\n{W} {H}\n{text}\n".encode())
    add("pnm-p1-tight.pbm", f"P1 {W} {H}\n{text.replace(' ', '')}".encode())
    add("pnm-p4.pbm", f"P4\n{W} {H}\n".encode() + b"".join(packed(bits, 1)))
    for maxval in (1, 7, 100, 255, 256, 1000, 65535):
        grey, colours = rng.integers(0, maxval + 1, (H, W)), rng.integers(0, maxval + 1, (H, W, 3))
        kind = ">u2" if maxval > 255 else "u1"
        for number, values in ((5, grey), (6, colours)):
            head = f"P{number}\n{W} {H}\n# comment\n{maxval}\n".encode()
            more = {"samples": np.rint(values / maxval * 255)} if number == 5 and maxval > 255 else {}
            add(f"pnm-p{number}-{maxval}.pnm", head + values.astype(kind).tobytes(), **more)
            text = " ".join(str(v) for v in values.ravel()).replace(" 1", "\n# x\n1", 3)
            add(f"pnm-p{number - 3}-{maxval}.pnm", f"P{number - 3} {W} {H} {maxval}\n{text}\n".encode(), **more)
    add("pnm-p5-beyond.pgm", f"P5 {W} {H} 100\n".encode() + rng.integers(0, 256, (H, W), np.uint8).tobytes())  # values above the largest
    floats = rng.normal(120, 100, (H, W)).astype(np.float32)
    full = lambda v: np.rint((v.astype(float) - v.min()) / (float(v.max()) - v.min()) * 255)  # noqa: E731
    for order, scale in (("<f4", "-1.0"), (">f4", "1.0")):
        add(f"pfm-{order[0] == '<' and 'little' or 'big'}.pfm", f"Pf\n{W} {H}\n{scale}\n".encode() + floats[::-1].astype(order).tobytes(), samples=full(floats))
    colours = rng.normal(120, 100, (H, W, 3)).astype(np.float32)  # Pillow reads grey only
    add("pfm-colour.pfm", f"PF\n{W} {H}\n-1.0\n".encode() + colours[::-1].tobytes(), samples=full(colours))
    for depth, kind in ((1, "GRAYSCALE"), (2, "GRAYSCALE_ALPHA"), (3, "RGB"), (4, "RGB_ALPHA")):  # which Pillow does not read
        values = rng.integers(0, 256, (H, W, depth), np.uint8)
        head = f"P7\nWIDTH {W}\nHEIGHT {H}\n# comment\nDEPTH {depth}\nMAXVAL 255\nTUPLTYPE {kind}\nENDHDR\n".encode()
        colour = values[..., :3] if depth > 2 else values[..., 0]
        add(f"pam-{depth}.pam", head + values.tobytes(), samples=colour, opacity=values[..., -1] if depth % 2 == 0 else None)


# Photoshop


def pack_bits(row, rng):
    out, x = bytearray(), 0
    while x < len(row):
        n = 1
        while x + n < len(row) and n < 128 and row[x + n] == row[x]:
            n += 1
        if n > 1:
            out += bytes([257 - n, row[x]])
        else:
            n = int(min(len(row) - x, rng.integers(1, 9)))
            out += bytes([n - 1]) + bytes(row[x : x + n])
        x += n
        if rng.integers(0, 9) == 0:
            out += b"\x80"
    return bytes(out)


def psd(name, mode, depth, planes, palette=b"", rle=False, large=False, **more):
    """planes are rows of bytes of each channel."""
    rng = np.random.default_rng(5)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, len(planes), H, W, depth, mode)
    resource = b"8BIM\x03\xed\0\0" + struct.pack(">I", 16) + bytes(16)
    head += struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resource)) + resource + bytes(8 if large else 4)
    if rle:
        rows = [pack_bits(r, rng) for plane in planes for r in plane]
        counts = b"".join(struct.pack(">I" if large else ">H", len(r)) for r in rows)
        body = b"\0\1" + counts + b"".join(rows)
    else:
        body = b"\0\0" + b"".join(r for plane in planes for r in plane)
    add(f"psd-{name}-{'rle' if rle else 'raw'}{'-large' if large else ''}.psd", head + body, **more)


def photoshop():
    pixels = scene(channels=4)
    plane = lambda values: [r.tobytes() for r in values]  # noqa: E731
    bands = [plane(np.ascontiguousarray(pixels[..., c])) for c in range(4)]
    colours, index = palette_of(256), numbers(256)
    bits = numbers(2)
    deep = random.integers(0, 1 << 16, (H, W, 3))
    high = (deep >> 8).astype(np.uint8)
    for rle in (False, True):
        psd("grey", 1, 8, bands[:1], rle=rle)
        psd("rgb", 3, 8, bands[:3], rle=rle)
        psd("rgba", 3, 8, bands, rle=rle)
        psd("cmyk", 4, 8, bands, rle=rle)
        psd("indexed", 2, 8, [plane(index)], colours.T.tobytes(), rle=rle)
        psd("duotone", 8, 8, bands[:1], b"\1\2\3\4", rle=rle)
        # Pillow takes 1 for white, and packed channels for as many as it reads; it reads neither 16 bits nor large documents.
        psd("multichannel", 7, 8, bands[:3], rle=rle, samples=pixels[..., 0])
        psd("bitmap", 0, 1, [packed(bits, 1)], rle=rle, samples=255 - 255 * bits)
        psd("five", 3, 8, bands + bands[:1], rle=rle, samples=pixels[..., :3])
        psd("grey16", 1, 16, [[r.astype(">u2").tobytes() for r in deep[..., 0]]], rle=rle, samples=high[..., 0])
        psd("rgb16", 3, 16, [[r.astype(">u2").tobytes() for r in deep[..., c]] for c in range(3)], rle=rle, samples=high)
        psd("rgb", 3, 8, bands[:3], rle=rle, large=True, samples=pixels[..., :3])
    for name in ("bitmap", "five", "grey16", "rgb16", "rgb"):  # but psd-tools reads them
        for suffix in ("raw", "rle", "raw-large", "rle-large"):
            file = f"psd-{name}-{suffix}.psd"
            if file in files:
                values = PSDImage.open(io.BytesIO(files[file])).numpy("color")
                want = np.frombuffer(files[file + ".rgb"], np.uint8, offset=8).reshape(H, W, 3)
                got = np.floor(values * 255.0 + (0 if "16" in name else 0.5)).reshape(H, W, -1)
                assert np.abs(got - want[..., : got.shape[2]]).max() <= ("16" in name), file


# TGA


def tga(name, kind, depth, body, flags=0x20, table=b"", first=0, count=0, bits=0, identity=b"", footer=b"", **more):
    head = struct.pack("<BBBHHBHHHHBB", len(identity), 1 if count else 0, kind, first, count, bits, 0, 0, W, H, depth, flags)
    add(f"tga-{name}.tga", head + identity + table + body + footer, **more)


def tga_runs(pixels, size, rng, crossing=False):
    """Packets of pixels of some bytes; runs and others may cross the ends of rows."""
    out = bytearray()
    rows = [pixels.reshape(-1, size)] if crossing else list(pixels.reshape(H, W, size))
    for row in rows:
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and n < 128 and (row[x + n] == row[x]).all():
                n += 1
            if n > 1:
                out += bytes([0x80 | n - 1]) + row[x].tobytes()
            else:
                n = int(min(len(row) - x, rng.integers(1, 40)))
                out += bytes([n - 1]) + row[x : x + n].tobytes()
            x += n
    return bytes(out)


def targa():
    rng = np.random.default_rng(9)
    pixels = scene(channels=4)
    pixels[4:9] = pixels[4, 4]
    bgra = np.ascontiguousarray(pixels[..., [2, 1, 0, 3]])
    bgr = np.ascontiguousarray(bgra[..., :3])
    grey = np.ascontiguousarray(pixels[..., :1])
    both = np.ascontiguousarray(pixels[..., [1, 3]])
    for flags in (0, 0x10, 0x20, 0x30):
        tga(f"24-flags{flags:x}", 2, 24, bgr.tobytes(), flags)
        tga(f"32-flags{flags:x}", 10, 32, tga_runs(bgra, 4, rng), flags | 8)
        tga(f"grey-flags{flags:x}", 11, 8, tga_runs(grey, 1, rng), flags)
    tga("24-rle", 10, 24, tga_runs(bgr, 3, rng))
    tga("24-rle-crossing", 10, 24, tga_runs(bgr, 3, rng, True), samples=pixels[..., :3])  # whose runs Pillow refuses
    tga("32", 2, 32, bgra.tobytes(), 0x28, identity=b"a name")
    extension = struct.pack("<H", 495).ljust(494, b"\0") + b"\0"
    end = struct.pack("<II", 18 + bgra.size, 0) + b"TRUEVISION-XFILE.\0"
    tga("32-opaque", 2, 32, bgra.tobytes(), 0x28, footer=extension + end, samples=pixels[..., :3])  # Pillow's opacity is 255
    tga("grey", 3, 8, grey.tobytes())
    tga("grey-opacity", 3, 16, both.tobytes(), 0x28)
    tga("grey-opacity-rle", 11, 16, tga_runs(both, 2, rng), 0x28)
    words = random.integers(0, 1 << 16, (H, W)).astype("<u2")
    five = np.dstack([by_mask(words.astype(np.uint64), m) for m in (0x7C00, 0x3E0, 0x1F)])
    tga("16", 2, 16, words.tobytes(), samples=five)  # with opacity of 0 or 1 in Pillow
    tga("16-rle", 10, 16, tga_runs(words.view(np.uint8).reshape(H, W, 2), 2, rng), samples=five)
    tga("15", 2, 15, words.tobytes(), samples=five)
    index = numbers(100)
    for bits in (15, 16, 24, 32):
        size = (bits + 7) // 8
        table = random.integers(0, 256, (100, size), np.uint8)
        colours = table[:, 2::-1] if size > 2 else np.stack([by_mask(table.copy().view("<u2")[:, 0].astype(np.uint64), m) for m in (0x7C00, 0x3E0, 0x1F)], -1)
        for first, kind in ((0, 1), (0, 9), (40, 1)):
            values = (index + first).astype(np.uint8)
            body = values.tobytes() if kind == 1 else tga_runs(values.reshape(H, W, 1), 1, rng)
            more = {"samples": colours[index]} if size == 2 else {}
            tga(f"map{bits}-from{first}-kind{kind}", kind, 8, body, table=table.tobytes(), first=first, count=100, bits=bits, **more)


# PCX, textures, and the rest


def pcx_runs(line):
    out, x = bytearray(), 0
    while x < len(line):
        n = 1
        while x + n < len(line) and n < 63 and line[x + n] == line[x]:
            n += 1
        out += bytes([0xC0 | n, line[x]]) if n > 1 or line[x] >= 0xC0 else bytes([line[x]])
        x += n
    return bytes(out)


def paintbrush():
    pixels = scene()
    for name, image in (("rgb", Image.fromarray(pixels)), ("grey", Image.fromarray(pixels[..., 0])), ("bilevel", Image.fromarray(pixels).convert("1")),
                        ("palette", Image.fromarray(pixels).quantize(200))):  # fmt: skip
        saved(f"pcx-{name}.pcx", image, format="PCX")
    for planes in (2, 3, 4):
        index, colours = numbers(1 << planes), palette_of(16)
        head = struct.pack("<BBBB6H", 10, 5, 1, 1, 0, 0, W - 1, H - 1, 72, 72) + colours.tobytes() + struct.pack("<BBHH", 0, planes, 4, 1)
        body = b""
        for row in index:
            body += pcx_runs(b"".join(packed((row >> p & 1)[None], 1)[0].ljust(4, b"\0") for p in range(planes)))
        add(f"pcx-planes{planes}.pcx", head.ljust(128, b"\0") + body, samples=colours[index] if planes == 3 else None)
    index, colours = numbers(16), palette_of(16)  # Pillow reads no 4 bits in one plane
    head = struct.pack("<BBBB6H", 10, 5, 1, 4, 0, 0, W - 1, H - 1, 72, 72) + colours.tobytes() + struct.pack("<BBHH", 0, 1, 12, 1)
    add("pcx-4.pcx", head.ljust(128, b"\0") + b"".join(pcx_runs(r) for r in packed(index, 4)), samples=colours[index])


def dds(name, flags, code=b"\0\0\0\0", bits=0, masks=(0, 0, 0, 0), body=b"", number=None, **more):
    head = b"DDS " + struct.pack("<7I44x", 124, 0x1007, H, W, 0, 0, 1) + struct.pack("<II4sI4I", 32, flags, code, bits, *masks) + struct.pack("<5I", 0x1000, 0, 0, 0, 0)
    if number is not None:
        head += struct.pack("<5I", number, 3, 0, 1, 0)
    add(f"dds-{name}.dds", head + body, **more)


def textures():
    blocks = (W + 3) // 4 * ((H + 3) // 4)
    for code, size in (("DXT1", 8), ("DXT3", 16), ("DXT5", 16), ("BC4U", 8), ("ATI1", 8), ("BC5U", 16), ("ATI2", 16), ("BC5S", 16)):
        dds(code, 4, code.encode(), body=random.bytes(blocks * size))
    for number, size in ((71, 8), (74, 16), (77, 16), (80, 8), (83, 16), (84, 16), (97, 16), (98, 16), (99, 16)):
        dds(f"dx10-{number}", 4, b"DX10", body=random.bytes(blocks * size), number=number)
    for mode in range(8):  # of BC7, whose number of low zeros it is
        body = [bytes([random.integers(0, 256) << mode + 1 & 255 | 1 << mode]) + random.bytes(15) for _ in range(blocks)]
        dds(f"bc7-mode{mode}", 4, b"DX10", body=b"".join(body), number=98)
    dds("dx10-28", 4, b"DX10", body=random.bytes(4 * W * H), number=28)
    dds("grey", 0x20000, bits=8, body=random.bytes(W * H))
    dds("grey-opacity", 0x20001, bits=16, body=random.bytes(2 * W * H))
    dds("indexed", 0x20, bits=8, body=random.bytes(1024 + W * H))
    for bits, masks in ((16, (0xF800, 0x7E0, 0x1F, 0)), (16, (0x7C00, 0x3E0, 0x1F, 0x8000)), (16, (0xF00, 0xF0, 0xF, 0xF000)), (8, (0xE0, 0x1C, 3, 0)),
                        (24, (0xFF0000, 0xFF00, 0xFF, 0)), (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)), (32, (0xFF, 0xFF00, 0xFF0000, 0))):  # fmt: skip
        dds(f"masks{bits}-{'-'.join(f'{m:x}' for m in masks)}", 0x41 if masks[3] else 0x40, bits=bits, masks=masks, body=random.bytes(bits // 8 * W * H))


def sgi_row(values, size):
    """Run lengths of a row of samples."""
    out, x = [], 0
    while x < len(values):
        n = 1
        while x + n < len(values) and n < 127 and values[x + n] == values[x]:
            n += 1
        if n > 1:
            out += [n, values[x]]
        else:
            n = min(len(values) - x, 5)
            out += [0x80 | n, *values[x : x + n]]
        x += n
    return np.array([*out, 0]).astype(">u2" if size == 2 else "u1").tobytes()


def sgi(name, values, size):
    height, width, channels = values.shape
    head = struct.pack(">HBBHHHHIIII", 474, 1, size, 3 if channels > 1 else 2, width, height, channels, 0, 255, 0, 0).ljust(512, b"\0")
    rows = [sgi_row(values[y, :, c].tolist(), size) for c in range(channels) for y in range(height)[::-1]]
    at = 512 + 8 * len(rows)
    starts = [at + sum(len(r) for r in rows[:i]) for i in range(len(rows))]
    add(f"sgi-{name}.sgi", head + struct.pack(f">{len(rows)}I", *starts) + struct.pack(f">{len(rows)}I", *map(len, rows)) + b"".join(rows))


def sun(name, depth, kind, rows, table=b"", width=W, **more):
    head = struct.pack(">8I", 0x59A66A95, width, H, depth, 0, kind, 1 if table else 0, len(table))
    body = b"".join(r + bytes(len(r) % 2) for r in rows)
    if kind == 2:
        packed_body, x = bytearray(), 0
        while x < len(body):
            n = 1
            while x + n < len(body) and n < 256 and body[x + n] == body[x]:
                n += 1
            packed_body += bytes([0x80, n - 1, body[x]]) if n > 2 or n > 1 and body[x] == 0x80 else b"\x80\0" if body[x] == 0x80 else bytes([body[x]])
            x += n if n > 2 or n > 1 and body[x] == 0x80 else 1
        body = bytes(packed_body)
    add(f"sun-{name}.ras", head + table + body, **more)


def others():
    pixels = scene(channels=4)
    rgba = Image.fromarray(pixels)
    saved("qoi-rgb.qoi", rgba.convert("RGB"), format="QOI")
    saved("qoi-rgba.qoi", rgba, format="QOI")
    for mode in ("L", "RGB", "RGBA"):
        saved(f"sgi-{mode.lower()}-plain.sgi", rgba.convert(mode), format="SGI")
        saved(f"sgi-{mode.lower()}-plain16.sgi", rgba.convert(mode), format="SGI", bpc=2)
        values = np.asarray(rgba.convert(mode)).reshape(H, W, -1).astype(int)
        sgi(f"{mode.lower()}-rle", values, 1)
        sgi(f"{mode.lower()}-rle16", values * 257 ^ 0x35, 2)
    saved("xbm.xbm", rgba.convert("1"), format="XBM")
    grey, bits = pixels[..., 0], numbers(2)
    colours, index = palette_of(200), numbers(200)
    sun("1", 1, 1, packed(bits, 1))
    sun("8", 8, 1, packed(grey, 8))
    sun("8-old", 8, 0, packed(grey, 8))
    sun("map", 8, 1, packed(index, 8), colours.T.tobytes())
    sun("24", 24, 1, [r[:, ::-1].tobytes() for r in pixels[..., :3]])
    sun("24-rgb", 24, 3, [r.tobytes() for r in pixels[..., :3]])
    even = np.ascontiguousarray(numbers(9, 22) * 16)
    sun("8-rle", 8, 2, packed(even, 8), width=22)
    # The byte that fills a row of odd length is packed, too; Pillow takes it for a pixel.
    sun("8-rle-odd", 8, 2, packed(index, 8), colours.T.tobytes(), samples=colours[index])
    sun("24-rle", 24, 2, [r[:, ::-1].tobytes() for r in np.repeat(pixels[..., :3], 2, 1)[:, :22]], width=22)


# Kinds that Pillow and we have long read: what is new about them


def chunk(kind, body, good=True):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ (0 if good else 1))


def known_kinds():
    pixels = scene(19, 12)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    plain = buffer.getvalue()
    at, end = plain.index(b"IDAT") - 4, len(plain) - 12
    note = chunk(b"tEXt", b"Comment\0of no weight", False)
    add("png-wrong-sum-before.png", plain[:at] + note + note + plain[at:], samples=pixels)  # which Pillow refuses
    add("png-wrong-sum-behind.png", plain[:end] + note + plain[end:])
    buffer = io.BytesIO()
    frame = Image.fromarray(pixels).quantize(32)
    frame.save(buffer, "GIF")
    plain = buffer.getvalue()
    at = plain.index(b"\x2c\0\0\0\0" + struct.pack("<HH", 19, 12))
    trailer = bytes([1]) + bytes(range(255, -1, -1)) + b"\0"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    upright = np.rot90(np.asarray(frame.convert("RGB")), -1)  # Pillow does not look for it
    add("gif-xmp-6.gif", plain[:at] + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer + plain[at:], samples=upright)
    animations()


def animations():
    """WebPs whose first frame is smaller than the canvas, with and without opacity, by the file's header and the frame's."""
    for kind in ("RGB", "RGBA"):
        for lossless in (True, False):
            image = Image.fromarray(scene(14, 10, 4 if kind == "RGBA" else 3))
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", lossless=lossless, exact=True, quality=80)
            still = buffer.getvalue()[12:]
            if still[:4] == b"VP8X":
                still = still[18:]
            for flags in (0x02, 0x12):
                if kind == "RGBA" and flags == 0x02 and not lossless:
                    continue
                part = lambda n: struct.pack("<I", n)[:3]  # noqa: E731
                frame = part(2) + part(1) + part(13) + part(9) + part(50) + b"\2" + still
                body = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + part(19) + part(13)
                body += b"ANIM" + struct.pack("<I", 6) + b"\xff\xff\xff\xff\0\0" + b"ANMF" + struct.pack("<I", len(frame)) + frame
                add(f"webp-offset-{kind.lower()}-{'lossless' if lossless else 'lossy'}-flags{flags:x}.webp", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)


if __name__ == "__main__":
    for make in (bmps, icons, netpbm, photoshop, targa, paintbrush, textures, others, known_kinds):
        make()
    with open(HERE / "plain.tar.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in sorted(files.items()):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    print(sum(name + ".rgb" in files for name in files), "files")
