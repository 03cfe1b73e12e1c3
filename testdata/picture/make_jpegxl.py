#!/usr/bin/env python3
"""Makes the JPEG XL files of jpegxl.tar.gz and jpegxl.txt, the pixels of pillow-jxl-plugin and libjxl for them.

Pinned: Python 3.11, Pillow 13.0.0, pillow-jxl-plugin 1.3.8 (libjxl 0.12.0), imagecodecs 2026.3.6 (libjxl 0.11.2) and
numpy 2.4.6:

    pip install pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 numpy==2.4.6 && python make_jpegxl.py

jpegxl.txt has a line per case, fields separated by spaces:

    FILE SOURCE BACKGROUND RANGE WIDTH HEIGHT CRC BOUND
    FILE refused REASON

CRC is the CRC-32 of the RGB of the upright image; where BOUND is not 0, it may differ by so much from the pixels that
the archive has as FILE.rgb: floating point is rounded differently on other processors. SOURCE is where the RGB comes
from: "plugin" is Image.open, convert("RGB"), of grey images of 16 bits the high byte; "samples" are the samples before
they were encoded without loss, of which the highest 8 bits count; "floats" are 255 times the sample, halves to even;
"jpeg" are Pillow's pixels of the JPEG. Orientations are written into headers here; upright is as ImageOps turns it.
"""

import io
import pathlib
import struct
import tarfile
import zlib

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401 (which registers the plug-in)
from PIL import Image, ImageOps

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


def container(*parts):
    return box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl ", bytes(4), b"jxl ") + b"".join(parts)


class Bits:
    """Writes numbers, the lowest bit first."""

    def __init__(self):
        self.bits = []

    def put(self, count, value):
        self.bits += [value >> i & 1 for i in range(count)]
        return self

    def bytes(self):
        bits = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(b << i for i, b in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))


def split(stream):
    """The size's bits and the frames of a codestream whose header is as usual but for the size."""
    bits = [byte >> i & 1 for byte in stream[2:] for i in range(8)]
    number = lambda at, count: sum(bits[at + i] << i for i in range(count))
    at = 1
    lengths = (9, 13, 18, 30)
    dimension = lambda at: at + 5 if bits[0] else at + 2 + lengths[number(at, 2)]
    at = dimension(at)
    ratio = number(at, 3)
    at += 3
    if ratio == 0:
        at = dimension(at)
    assert bits[at] == 1 and bits[at + 1] == 1, "other headers are not known here"
    return bits[:at], stream[2 + (at + 2 + 7) // 8 :]


def rewritten(stream, orientation=1, intrinsic=False, preview=False, extra=None):
    """The codestream with an orientation in its header, a size at which to show it, a small version of 40x30 pixels
    before it, or a channel besides the colours."""
    size, frames = split(stream)
    out = Bits()
    out.bits = list(size)
    out.put(1, 0).put(1, 1).put(3, orientation - 1).put(1, intrinsic)
    if intrinsic:
        out.put(1, 1).put(5, 9).put(3, 1)  # 80x80
    out.put(1, preview)
    if preview:
        out.put(1, 0).put(2, 0).put(6, 29).put(3, 3)
        frames += frames
    out.put(1, 0)
    out.put(1, 0).put(2, 0).put(1, 1).put(2, extra is not None)  # 8 bits
    if extra is not None:
        out.put(1, 0).put(2, 2).put(4, extra - 2).put(1, 0).put(2, 0).put(2, 0).put(2, 1).put(4, 5)
        for letter in b"black":
            out.put(8, letter)
        if extra == 5:
            out.put(2, 0)
    out.put(1, 1).put(1, 1).put(1, 1)  # XYB, sRGB, tones
    out.put(2, 0).put(1, 1)
    return stream[:2] + out.bytes() + frames


def line(name, source, rgb, background="-", ranged="-", bound=0):
    rgb = np.ascontiguousarray(rgb)
    assert rgb.dtype == np.uint8 and rgb.shape[2] == 3, (name, rgb.dtype, rgb.shape)
    lines.append(f"{name} {source} {background} {ranged} {rgb.shape[1]} {rgb.shape[0]} {zlib.crc32(rgb.tobytes())} {bound}")
    if bound:
        files[name + ("" if background == "-" else background) + ".rgb"] = rgb.tobytes()


def three(values):
    values = values[..., 0] if values.ndim == 3 and values.shape[2] <= 2 else values
    return np.repeat(values[..., None], 3, -1) if values.ndim == 2 else values[..., :3]


def plugin(name, data, bound=0, orientation=1):
    """A file that pillow-jxl-plugin decodes, and turns by its header."""
    files[name] = data
    image = Image.open(io.BytesIO(data))
    rgb = three(np.asarray(image) >> 8).astype(np.uint8) if image.mode == "I;16" else np.asarray(image.convert("RGB"))
    line(name, "plugin", rgb, bound=bound)
    if image.mode in ("LA", "RGBA"):
        over = Image.new("RGB", image.size, BACKGROUND)
        rgba = image.convert("RGBA")
        over.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
        line(name, "plugin", np.asarray(over), "#%02x%02x%02x" % BACKGROUND, bound=bound)


def save(image, **options):
    out = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(out, "JXL", **options)
    return out.getvalue()


def refused(name, reason, data):
    files[name] = data
    lines.append(f"{name} refused {reason}")


def eight():
    kinds = {"grey": scene(37, 29, 1)[..., 0], "rgb": scene(37, 29), "rgba": scene(37, 29, 4)}
    kinds["grey-alpha"] = Image.merge("LA", [Image.fromarray(scene(37, 29, 4)[..., c]) for c in (0, 3)])
    for kind, image in kinds.items():
        plugin(f"{kind}.jxl", save(image, lossless=True))
        plugin(f"{kind}-container.jxl", save(image, lossless=True, use_container=True))
        for quality in (90, 40):
            plugin(f"{kind}-{quality}.jxl", save(image, quality=quality), 1)
    photo = scene(150, 117)
    for effort in (1, 3, 9):
        plugin(f"effort-{effort}.jxl", save(photo[:60, :70], lossless=True, effort=effort))
        plugin(f"effort-{effort}-lossy.jxl", save(photo[:60, :70], quality=60, effort=effort), 1)
    for speed in (1, 4):
        plugin(f"speed-{speed}.jxl", save(photo[:60, :70], quality=60, decoding_speed=speed), 1)
    smooth = np.stack([np.indices((300, 600))[1] * 255 // 599, np.indices((300, 600))[0] * 255 // 299, np.indices((300, 600)).sum(0) // 4], -1).astype(np.uint8)
    plugin("large.jxl", save(fields(1400, 1000), lossless=True))
    plugin("groups.jxl", save(smooth, lossless=True))
    plugin("profile.jxl", save(photo[:60, :70], quality=70, use_original_profile=True), 1)
    for width, height in ((1, 1), (1, 17), (17, 1), (2, 2), (3, 5), (8, 8), (33, 90), (64, 32), (256, 8)):
        plugin(f"{width}x{height}.jxl", save(scene(width, height), lossless=True))
        plugin(f"{width}x{height}-lossy.jxl", save(scene(width, height), quality=80), 1)


def headers():
    stream = save(scene(40, 30), quality=70)
    if stream[:2] != b"\xff\x0a":
        stream = imagecodecs.jpegxl_encode(scene(40, 30), level=80, usecontainer=False)
    plain = np.asarray(Image.open(io.BytesIO(stream)).convert("RGB"))
    for orientation in range(1, 9):
        data = rewritten(stream, orientation)
        plugin(f"orientation-{orientation}.jxl", data, 1)
        tagged = Image.fromarray(plain)
        tagged.getexif()[0x112] = orientation
        turned = np.asarray(ImageOps.exif_transpose(tagged)).astype(int)
        assert abs(turned - np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))).max() <= 1  # libjxl dithers after it turns
    plugin("preview.jxl", rewritten(stream, 1, False, True), 1)
    refused("cmyk.jxl", "unsupported", rewritten(stream, extra=4))
    refused("sensor.jxl", "unsupported", rewritten(stream, extra=5))
    plugin("intrinsic.jxl", rewritten(stream, 1, True), 1)
    exif = Image.Exif()
    exif[0x112] = 6
    # EXIF that says something else than the header does not count.
    plugin("exif-6.jxl", container(box(b"Exif", bytes(4), exif.tobytes()[6:]), box(b"jxlc", stream)), 1)
    plugin("exif-6-orientation-3.jxl", container(box(b"Exif", bytes(4), exif.tobytes()[6:]), box(b"jxlc", rewritten(stream, 3))), 1)
    parts = [stream[:5], stream[5:20], stream[20:]]
    plugin("parts.jxl", container(*(box(b"jxlp", struct.pack(">I", i | (i == 2) << 31), p) for i, p in enumerate(parts))), 1)
    plugin("to-the-end.jxl", container(bytes(4) + b"jxlc" + stream), 1)
    plugin("large-box.jxl", container(struct.pack(">I4sQ", 1, b"jxlc", 16 + len(stream)) + stream), 1)
    plugin("behind.jxl", container(box(b"jxlc", stream), box(b"xml ", b"<a/>")), 1)
    refused("parts-missing.jxl", "truncated", container(*(box(b"jxlp", struct.pack(">I", i), p) for i, p in enumerate(parts[:2]))))
    refused("no-codestream.jxl", "truncated", container())
    refused("cut.jxl", "truncated", stream[: len(stream) // 2])
    refused("cut-box.jxl", "truncated", container(box(b"jxlc", stream))[:-20])
    refused("start.jxl", "truncated", b"\xff\x0a")
    refused("other.jxl", "corrupt", container(box(b"jxlc", b"\xff\x0b" + stream[2:])))


def more():
    for bits in (10, 12, 16):
        for kind, image in {"grey": scene(37, 29, 1, (1 << bits) - 1)[..., 0], "rgb": scene(37, 29, 3, (1 << bits) - 1), "rgba": scene(37, 29, 4, (1 << bits) - 1)}.items():
            name = f"{kind}-{bits}-bits.jxl"
            files[name] = imagecodecs.jpegxl_encode(image, lossless=True, bitspersample=bits)
            assert (imagecodecs.jpegxl_decode(files[name]) == image).all()
            line(name, "samples", (three(image) >> bits - 8).astype(np.uint8), "-", "full")
            low, high = 1 << bits - 3, 3 << bits - 2
            scaled = np.rint((three(image).astype(int) - low) * 255 / (high - low)).clip(0, 255).astype(np.uint8)
            line(name, "samples", scaled, "-", f"{low}..{high}")
            if bits == 16:
                plugin(name, files[name])
            plugin(f"{kind}-{bits}-bits-lossy.jxl", imagecodecs.jpegxl_encode(image, level=80, bitspersample=bits), 1)
    files["large-rgba-16-bits.jxl"] = imagecodecs.jpegxl_encode(fields(1400, 1000, 4, 65535), lossless=True)
    line("large-rgba-16-bits.jxl", "samples", (fields(1400, 1000, 3, 65535) >> 8).astype(np.uint8), "-", "full")
    files["large-float.jxl"] = imagecodecs.jpegxl_encode((fields(1400, 1000, 3, 65535) / 65535).astype(np.float32), lossless=True)
    line("large-float.jxl", "floats", np.rint((fields(1400, 1000, 3, 65535) / 65535).astype(np.float32).astype(float) * 255).astype(np.uint8))
    for kind, image in {"grey": scene(37, 29, 1, 65535)[..., 0], "rgb": scene(37, 29, 3, 65535)}.items():
        for half in (False, True):
            floats = (image / 65535).astype(np.float16 if half else np.float32)
            name = f"{kind}-float{'16' if half else '32'}.jxl"
            files[name] = imagecodecs.jpegxl_encode(floats, lossless=True)
            assert (imagecodecs.jpegxl_decode(files[name]) == floats).all()
            line(name, "floats", np.rint(three(floats).astype(float) * 255).astype(np.uint8))
            scaled = np.rint((three(floats).astype(float) - 0.25) * 255 / 0.5).clip(0, 255).astype(np.uint8)
            line(name, "floats", scaled, "-", "0.25..0.75")


def jpegs():
    for name, options in {"420": {}, "444": {"subsampling": 0}, "progressive": {"progressive": True}, "grey": {}}.items():
        out = io.BytesIO()
        image = Image.fromarray(scene(70, 52) if name != "grey" else scene(70, 52, 1)[..., 0])
        exif = image.getexif()
        exif[0x112] = 6 if name == "444" else 1
        image.save(out, "JPEG", quality=85, exif=exif, **options)
        files[f"jpeg-{name}.jxl"] = imagecodecs.jpegxl_encode_jpeg(out.getvalue())
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(out.getvalue()))).convert("RGB")
        line(f"jpeg-{name}.jxl", "jpeg", np.asarray(turned))


def animations():
    frames = np.stack([scene(40, 30), scene(40, 30)[::-1], scene(40, 30)[:, ::-1]])
    for lossless in (True, False):
        name = "animated.jxl" if lossless else "animated-lossy.jxl"
        files[name] = imagecodecs.jpegxl_encode(frames, lossless=lossless, level=None if lossless else 80)
        if lossless:
            assert (imagecodecs.jpegxl_decode(files[name])[0] == frames[0]).all()
            line(name, "samples", frames[0])


for make in (eight, headers, more, jpegs, animations):
    make()
with tarfile.open(HERE / "jpegxl.tar.gz", "w:gz", compresslevel=9) as archive:
    for name in sorted(files):
        info = tarfile.TarInfo(name)
        info.size = len(files[name])
        archive.addfile(info, io.BytesIO(files[name]))
(HERE / "jpegxl.txt").write_text("\n".join(lines) + "\n")
print(len(files), "files", len(lines), "lines", sum(map(len, files.values())), "bytes")
