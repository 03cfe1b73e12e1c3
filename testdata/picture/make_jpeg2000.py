#!/usr/bin/env python3
"""Makes the JPEG 2000 files of jpeg2000.tar.gz and jpeg2000.txt, the pixels of Pillow and OpenJPEG for them.

Pinned: Python 3.11, Pillow 13.0.0 (OpenJPEG 2.5.4), imagecodecs 2026.3.6 (OpenJPEG 2.5.4, OpenJPH 0.26.3), numpy 2.4.6:

    pip install pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6 && python make_jpeg2000.py

jpeg2000.txt has a line per case, fields separated by spaces:

    FILE SOURCE BACKGROUND RANGE WIDTH HEIGHT CRC
    FILE refused REASON

CRC is the CRC-32 of the RGB. BACKGROUND is "-", or a colour over which the picture is pasted. SOURCE is where the RGB
comes from: "pillow" is Image.open, convert("RGB"); "samples" is imagecodecs' samples by the stated mapping: the highest
8 bits of them where RANGE is full, and (sample - LOW) / (HIGH - LOW) of 255, halves to even, where it is LOW..HIGH;
"parts" is Pillow's pixels of the parts that a file was put together from. What encoders cannot write is put together
here: subsampled components, palettes, definitions of channels, colour spaces, other brands.
"""

import io
import pathlib
import struct
import tarfile
import zlib

import imagecodecs
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
BACKGROUND = (0x33, 0x66, 0x99)
files, lines = {}, []


def scene(width, height, channels=3, most=255):
    """Smooth gradients, hard coloured edges and some noise, the same on every run."""
    rng = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    out = np.stack([255 * u, 255 * v, 255 * (1 - u) * (1 - v), 128 + 127 * np.sin(9 * u * v)], -1)
    out[(u - 0.4) ** 2 + (v - 0.6) ** 2 < 0.06] = (230, 20, 40, 90)
    out[(u > 0.6) & (v < 0.3)] = (10, 60, 240, 0)
    out += rng.normal(0, 6, out.shape)
    out = out[..., :channels].clip(0, 255) * most / 255
    return out.astype(np.uint8 if most < 256 else np.uint16)


def fields(width, height, channels=3, most=255):
    """Fields of one colour each, which take few bytes."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x // 256 * 256 / width, y // 256 * 256 / height
    out = np.stack([u, v, (1 - u) * (1 - v), 1 - u * v], -1)[..., :channels] * most
    return out.astype(np.uint8 if most < 256 else np.uint16)


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def jp2(stream, *header, brand=b"jp2 ", size=None, behind=b""):
    """A file of a codestream, with the boxes of its header behind ihdr."""
    height, width, count, bits = size or sizes(stream)
    return (
        box(b"jP  ", b"\r\n\x87\n")
        + box(b"ftyp", brand, bytes(4), brand)
        + box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", height, width, count, bits, 7, 0, 0)), *header)
        + box(b"jp2c", stream)
        + behind
    )


def sizes(stream):
    x1, y1, x0, y0 = struct.unpack_from(">4I", stream, 8)
    return y1 - y0, x1 - x0, struct.unpack_from(">H", stream, 40)[0], stream[42]


def enumerated(number):
    return box(b"colr", bytes([1, 0, 0]), struct.pack(">I", number))


def profile(space):
    """The head of an ICC profile, which is all that matters of it here."""
    head = bytearray(132)
    head[16:20], head[36:40] = space, b"acsp"
    head[12:16], head[20:24] = b"mntr", b"XYZ "
    head[8] = 2
    struct.pack_into(">I", head, 0, len(head))
    return box(b"colr", bytes([2, 0, 0]), bytes(head))


def cdef(*channels):
    return box(b"cdef", struct.pack(">H", len(channels)), *(struct.pack(">HHH", *c) for c in channels))


def palette(entries, bits=8):
    entries = np.asarray(entries)
    count, columns = entries.shape
    kind = ">u1" if bits <= 8 else ">u2"
    return box(b"pclr", struct.pack(">HB", count, columns), bytes([bits - 1] * columns), entries.astype(kind).tobytes()) + box(
        b"cmap", *(struct.pack(">HBB", 0, 1, c) for c in range(columns))
    )


def save(image, **options):
    out = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(out, "JPEG2000", **options)
    return out.getvalue()


def stream(image, **options):
    return save(image, no_jp2=True, **options)


def planes(parts, steps):
    """A codestream of components that share no transform, each of its own subsampling, out of codestreams of one
    component: with one precinct and one layer, their packets one component behind the other are in the order CPRL."""
    first = bytearray(parts[0])
    heads = []
    for part in parts:
        at = part.index(b"\xff\x90")
        (length,) = struct.unpack_from(">I", part, at + 6)
        body = part[at + 14 : at + length]
        assert part[at + 12 : at + 14] == b"\xff\x93" and part[at + length : at + length + 2] == b"\xff\xd9"
        heads.append((part[:at], body))
    main = bytearray(heads[0][0])
    siz = struct.unpack_from(">H", main, 4)[0]
    components = b"".join(bytes([part[42]]) + bytes(step) for part, step in zip(parts, steps))
    rest = main[4 + siz :]
    cod = rest.index(b"\xff\x52")
    rest[cod + 5] = 4  # CPRL
    rest[cod + 8] = 0  # without a transform of components
    size = bytearray(main[4 : 4 + 38]) + components
    struct.pack_into(">H", size, 0, 38 + 3 * len(parts))
    struct.pack_into(">H", size, 36, len(parts))
    body = b"".join(b for _, b in heads)
    del first
    return (
        bytes(main[:4]) + bytes(size) + bytes(rest) + b"\xff\x90" + struct.pack(">HHIBB", 10, 0, 14 + len(body), 0, 1) + b"\xff\x93" + body + b"\xff\xd9"
    )


def line(name, source, rgb, background="-", ranged="-"):
    rgb = np.ascontiguousarray(rgb)
    assert rgb.dtype == np.uint8 and rgb.shape[2] == 3, (name, rgb.dtype, rgb.shape)
    lines.append(f"{name} {source} {background} {ranged} {rgb.shape[1]} {rgb.shape[0]} {zlib.crc32(rgb.tobytes())}")


def pillow(name, data):
    """A file that Pillow decodes."""
    files[name] = data
    image = Image.open(io.BytesIO(data))
    line(name, "pillow", np.asarray(image.convert("RGB")))
    if image.mode in ("LA", "RGBA", "PA") or image.mode == "P" and image.palette.mode == "RGBA":
        over = Image.new("RGB", image.size, BACKGROUND)
        rgba = image.convert("RGBA")
        over.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
        line(name, "pillow", np.asarray(over), "#%02x%02x%02x" % BACKGROUND)


def three(values):
    return np.repeat(values[..., None], 3, -1) if values.ndim == 2 else values[..., :3]


def deep(name, data, bits, signed=False, span=None):
    """A file of more than 8 bits, whose samples imagecodecs decodes."""
    files[name] = data
    values = three((imagecodecs.htj2k_decode if name.endswith((".jph", ".jhc")) else imagecodecs.jpeg2k_decode)(data)).astype(int)
    if values.shape[-1] == 2:
        values = three(values[..., 0])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    assert values.min() >= low and values.max() <= high and values.max() > high // 2, name
    line(name, "samples", (values - low >> bits - 8).astype(np.uint8), "-", "full")
    low, high = span or (low + (1 << bits - 3), high - (1 << bits - 2))
    scaled = np.rint((values - low) * 255 / (high - low)).clip(0, 255).astype(np.uint8)
    line(name, "samples", scaled, "-", f"{low}..{high}")


def refused(name, reason, data):
    files[name] = data
    lines.append(f"{name} refused {reason}")


def eight():
    kinds = {"grey": scene(37, 29, 1)[..., 0], "rgb": scene(37, 29), "rgba": scene(37, 29, 4)}
    kinds["grey-alpha"] = Image.merge("LA", [Image.fromarray(scene(37, 29, 4)[..., c]) for c in (0, 3)])
    for kind, image in kinds.items():
        pillow(f"{kind}.jp2", save(image))
        pillow(f"{kind}.j2k", stream(image))
        pillow(f"{kind}-lossy.jp2", save(image, irreversible=True, quality_mode="dB", quality_layers=[28, 36]))
    photo = scene(90, 71)
    pillow("tiles.jp2", save(photo, tile_size=(40, 32)))
    pillow("tiles-offset.j2k", stream(photo, tile_size=(40, 32), offset=(13, 7), tile_offset=(5, 3)))
    pillow("offset.jp2", save(photo, tile_size=(110, 90), offset=(13, 7)))
    for order in ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"):
        pillow(f"{order.lower()}.jp2", save(photo, progression=order, precinct_size=(64, 64), codeblock_size=(16, 16), quality_layers=[20, 5], irreversible=True))
    pillow("large.jp2", save(fields(1400, 1000)))
    pillow("large-tiles.jp2", save(fields(1400, 1000), tile_size=(512, 512)))
    pillow("large-small-blocks.jp2", save(fields(1400, 1000), codeblock_size=(4, 4)))
    pillow("no-mct.j2k", stream(photo, mct=0))
    pillow("resolutions-1.j2k", stream(photo, num_resolutions=1))
    pillow("plt.j2k", stream(photo, plt=True))
    pillow("comment.jp2", save(photo, comment="made for a test"))
    for width, height in ((1, 1), (1, 17), (17, 1), (2, 2), (3, 5), (8, 8), (33, 90)):
        pillow(f"{width}x{height}.jp2", save(scene(width, height)))
    # Fewer than 8 bits: Pillow shifts them up.
    for bits in (1, 2, 4, 7):
        image = (scene(37, 29, 1)[..., 0] >> 8 - bits).astype(np.uint8)
        data = bytearray(imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True, bitspersample=bits))
        assert data[42] == bits - 1
        pillow(f"grey-{bits}-bits.j2k", bytes(data))
    signed = (scene(37, 29).astype(int) - 128).astype(np.int8)
    pillow("signed.j2k", imagecodecs.jpeg2k_encode(signed, level=0, codecformat="j2k", reversible=True))
    # Without end, and with a tile that says it goes to the end.
    ended = stream(photo)
    files["no-end.j2k"] = ended[:-2]  # all pixels are there; Pillow refuses it
    line("no-end.j2k", "parts", photo)
    at = ended.index(b"\xff\x90")
    pillow("to-the-end.j2k", ended[: at + 6] + bytes(4) + ended[at + 10 :])
    wrapped = jp2(ended, enumerated(16))
    at = wrapped.index(b"jp2c") - 4
    pillow("box-to-the-end.jp2", wrapped[:at] + bytes(4) + wrapped[at + 4 :])
    pillow("more-boxes.jp2", jp2(ended, enumerated(16), behind=box(b"xml ", b"<a/>")))
    pillow("brand.jpx", jp2(ended, enumerated(16), brand=b"jpx "))
    for number, name in ((b"RGB ", "profile"),):
        pillow(f"{name}.jp2", jp2(ended, profile(number)))


def colours():
    photo = scene(45, 38)
    ycc = np.asarray(Image.fromarray(photo).convert("YCbCr"))
    pillow("ycc.jp2", jp2(stream(ycc, mct=0), enumerated(18)))
    full = np.stack([np.indices((90, 90))[1] * 255 // 89, (np.indices((90, 90))[0] * 37) % 256, (np.indices((90, 90)).sum(0) * 91) % 256], -1).astype(np.uint8)
    pillow("ycc-extremes.jp2", jp2(stream(full, mct=0), enumerated(18)))
    cmyk = Image.fromarray(scene(45, 38, 4), "CMYK")
    pillow("cmyk.jp2", jp2(stream(Image.fromarray(np.asarray(cmyk), "RGBA"), mct=0), enumerated(12)))
    line("cmyk-profile.jp2", "parts", np.asarray(cmyk.convert("RGB")))
    files["cmyk-profile.jp2"] = jp2(stream(Image.fromarray(np.asarray(cmyk), "RGBA"), mct=0), profile(b"CMYK"))
    index = (scene(45, 38, 1)[..., 0] // 16).astype(np.uint8)
    entries = np.random.default_rng(5).integers(0, 256, (16, 4))
    pillow("palette.jp2", jp2(stream(index), enumerated(16), palette(entries[:, :3])))
    pillow("palette-rgba.jp2", jp2(stream(index), enumerated(16), palette(entries), size=(38, 45, 1, 7)))
    # Channels in another order: blue, green, red; and opacity first.
    bgr = photo[..., ::-1]
    files["bgr.jp2"] = jp2(stream(bgr, mct=0), enumerated(16), cdef((0, 0, 3), (1, 0, 2), (2, 0, 1)))
    line("bgr.jp2", "parts", photo)
    rgba = scene(45, 38, 4)
    first = rgba[..., [3, 0, 1, 2]]
    files["opacity-first.jp2"] = jp2(stream(first, mct=0), enumerated(16), cdef((0, 1, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3)))
    line("opacity-first.jp2", "parts", rgba[..., :3])
    over = Image.new("RGB", (45, 38), BACKGROUND)
    over.paste(Image.fromarray(rgba[..., :3]), mask=Image.fromarray(rgba[..., 3]))
    line("opacity-first.jp2", "parts", np.asarray(over), "#%02x%02x%02x" % BACKGROUND)
    # Colours multiplied by the opacity are divided by it.
    alpha = rgba[..., 3:].astype(int)
    multiplied = (rgba[..., :3].astype(int) * alpha // 255).astype(np.uint8)
    files["premultiplied.jp2"] = jp2(
        stream(np.concatenate([multiplied, rgba[..., 3:]], -1), mct=0), enumerated(16), cdef((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 2, 0))
    )
    divided = np.where(alpha > 0, np.minimum(255, 255 * multiplied.astype(int) // np.maximum(1, alpha)), multiplied).astype(np.uint8)
    line("premultiplied.jp2", "parts", divided)
    subsampled(ycc)


def subsampled(ycc):
    height, width = ycc.shape[:2]
    for name, (dx, dy) in {"420": (2, 2), "422": (2, 1), "411": (4, 1)}.items():
        options = {"num_resolutions": 3}
        small = [np.ascontiguousarray(ycc[::dy, ::dx, c]) for c in (1, 2)]
        data = planes([stream(np.ascontiguousarray(ycc[..., 0]), **options)] + [stream(s, **options) for s in small], [(1, 1), (dx, dy), (dx, dy)])
        large = [s.repeat(dy, 0).repeat(dx, 1)[:height, :width] for s in small]
        joined = Image.merge("YCbCr", [Image.fromarray(a) for a in (np.ascontiguousarray(ycc[..., 0]), *large)])
        files[f"ycc-{name}.jp2"] = jp2(data, enumerated(18))
        line(f"ycc-{name}.jp2", "parts", np.asarray(joined.convert("RGB")))
        files[f"rgb-{name}.j2k"] = data
        line(f"rgb-{name}.j2k", "parts", np.stack([np.ascontiguousarray(ycc[..., 0]), *large], -1))
    # All components have every second sample: the image is half as large.
    half = np.ascontiguousarray(ycc[::2, ::2])
    parts = [stream(np.ascontiguousarray(half[..., c]), num_resolutions=3) for c in range(3)]
    data = bytearray(planes(parts, [(2, 2)] * 3))
    struct.pack_into(">2I", data, 8, width, height)
    struct.pack_into(">2I", data, 24, width, height)
    files["half.j2k"] = bytes(data)
    line("half.j2k", "parts", half)


def more():
    for bits in (10, 12, 16):
        for kind, image in {"grey": scene(37, 29, 1, (1 << bits) - 1)[..., 0], "rgb": scene(37, 29, 3, (1 << bits) - 1)}.items():
            deep(f"{kind}-{bits}-bits.jp2", imagecodecs.jpeg2k_encode(image, level=0, codecformat="jp2", reversible=True, bitspersample=bits), bits)
            deep(f"{kind}-{bits}-bits.j2k", imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True, bitspersample=bits), bits)
            deep(f"{kind}-{bits}-bits-lossy.j2k", imagecodecs.jpeg2k_encode(image, level=50, codecformat="j2k", reversible=False, bitspersample=bits), bits)
    deep("large-16-bits.jp2", imagecodecs.jpeg2k_encode(fields(1400, 1000, 3, 65535), level=0, codecformat="jp2", reversible=True), 16)
    image = scene(37, 29, 4, 65535)
    deep("rgba-16-bits.jp2", imagecodecs.jpeg2k_encode(image, level=0, codecformat="jp2", reversible=True), 16)
    over = Image.new("RGB", (37, 29), BACKGROUND)
    over.paste(Image.fromarray((image[..., :3] >> 8).astype(np.uint8)), mask=Image.fromarray((image[..., 3] >> 8).astype(np.uint8)))
    line("rgba-16-bits.jp2", "samples", np.asarray(over), "#%02x%02x%02x" % BACKGROUND, "full")
    for bits in (12, 16):
        image = (scene(37, 29, 1, (1 << bits) - 1)[..., 0].astype(int) - (1 << bits - 1)).astype(np.int16)
        deep(f"grey-{bits}-bits-signed.j2k", imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True, bitspersample=bits), bits, True)
    high = {"grey": scene(70, 52, 1)[..., 0], "rgb": scene(70, 52)}
    for kind, image in high.items():
        for reversible, name in ((True, ""), (False, "-lossy")):
            data = imagecodecs.htj2k_encode(image, level=None if reversible else 0.002, reversible=reversible)
            files[f"{kind}{name}.jhc"] = data
            line(f"{kind}{name}.jhc", "samples", three(imagecodecs.jpeg2k_decode(data)))
            if reversible:
                assert (imagecodecs.htj2k_decode(data) == image).all()
        files[f"{kind}.jph"] = jp2(imagecodecs.htj2k_encode(image, reversible=True), enumerated(17 if kind == "grey" else 16), brand=b"jph ")
        line(f"{kind}.jph", "parts", three(image))


def others():
    photo = scene(37, 29)
    grey = np.ascontiguousarray(photo[..., 0])
    whole = stream(photo)
    refused("lab.jp2", "unsupported", jp2(stream(photo, mct=0), enumerated(14)))
    refused("lab-profile.jp2", "unsupported", jp2(stream(photo, mct=0), profile(b"Lab ")))
    refused("e-sycc.jp2", "unsupported", jp2(stream(photo, mct=0), enumerated(24)))
    refused("photo-ycc.jp2", "unsupported", jp2(stream(photo, mct=0), enumerated(9)))
    refused("grey-of-three.jp2", "unsupported", jp2(whole, enumerated(17)))
    refused("five.j2k", "unsupported", planes([stream(grey, num_resolutions=3)] * 5, [(1, 1)] * 5))
    refused("first-smaller.j2k", "unsupported", planes([stream(np.ascontiguousarray(grey[::2, ::2]), num_resolutions=3)] + [stream(grey, num_resolutions=3)] * 2, [(2, 2), (1, 1), (1, 1)]).replace(
        struct.pack(">2I", 19, 15), struct.pack(">2I", 37, 29)))
    refused("document.jpm", "unsupported", jp2(whole, enumerated(16), brand=b"jpm "))
    refused("film.mj2", "unsupported", jp2(whole, enumerated(16), brand=b"mjp2"))
    refused("no-header.jp2", "unsupported", box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 ", bytes(4), b"jp2 ") + box(b"jp2c", whole))
    refused("signature.jp2", "truncated", box(b"jP  ", b"\r\n\x87\n"))
    refused("no-codestream.jp2", "truncated", jp2(whole, enumerated(16))[: -len(whole) - 8])
    tiles = stream(scene(90, 71), tile_size=(40, 32))
    refused("tiles-missing.j2k", "truncated", tiles[: tiles.rindex(b"\xff\x90\x00\x0a")])
    refused("no-tiles.j2k", "corrupt", tiles[: tiles.rindex(b"\xff\x90\x00\x0a")] + b"\xff\xd9")


for make in (eight, colours, more, others):
    make()
with tarfile.open(HERE / "jpeg2000.tar.gz", "w:gz", compresslevel=9) as archive:
    for name in sorted(files):
        info = tarfile.TarInfo(name)
        info.size = len(files[name])
        archive.addfile(info, io.BytesIO(files[name]))
(HERE / "jpeg2000.txt").write_text("\n".join(lines) + "\n")
print(len(files), "files", len(lines), "lines", sum(map(len, files.values())), "bytes")
