#!/usr/bin/env python3
"""Makes the small pictures of this folder and golden.txt, Pillow's pixels for them.

Pinned: Python 3.11, Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2),
numpy 2.4.6. Run it in a virtual environment that holds these:

    pip install pillow==13.0.0 numpy==2.4.6 && python make_golden.py

golden.txt has a line per case, fields separated by spaces:

    FILE FORMAT SOURCE_WIDTH SOURCE_HEIGHT RESIZE INTERPOLATION WIDTH HEIGHT BASE64

BASE64 is zlib-compressed RGB, HEIGHT x WIDTH x 3 bytes. background.txt has lines like these of pictures with alpha, pasted
over the colour of BACKGROUND by their alpha channel. Pillow's way to them is
Image.open, ImageOps.exif_transpose, convert("RGB"), resize; for "crop" torchvision's
Resize and CenterCrop, whose rounding is written out in crop() below. One deviation: of
16-bit grey the high byte is kept, where convert("RGB") clips.
"""

import base64
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

HERE = pathlib.Path(__file__).parent
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
BACKGROUND = (0x33, 0x66, 0x99)
lines = []
backgrounds = []


def scene(width, height, channels=3):
    """Smooth gradients, hard coloured edges and some noise, the same on every run."""
    rng = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    out = np.stack([255 * u, 255 * v, 255 * (1 - u) * (1 - v), 128 + 127 * np.sin(9 * u * v)], -1)
    disc = (u - 0.4) ** 2 + (v - 0.6) ** 2 < 0.06
    out[disc] = (230, 20, 40, 90)
    out[(u > 0.6) & (v < 0.3)] = (10, 60, 240, 0)
    out += rng.normal(0, 6, out.shape)
    return out[..., :channels].clip(0, 255).astype(np.uint8)


def picture(width, height, mode="RGB"):
    if mode == "L":
        return Image.fromarray(scene(width, height)[..., 1].copy())
    if mode == "RGBA":
        return Image.fromarray(scene(width, height, 4))
    return Image.fromarray(scene(width, height)).convert(mode)


def crop(image, size, resample):
    """torchvision's Resize(size*256/224), CenterCrop(size)."""
    short = round(size * 256 / 224)
    w, h = image.size
    if w <= h:
        new_w, new_h = short, int(short * h / w)
    else:
        new_w, new_h = int(short * w / h), short
    image = image.resize((new_w, new_h), resample)
    left = int(round((new_w - size) / 2.0))
    top = int(round((new_h - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def golden(name, target=(24, 24), interpolation="bilinear", how="squash"):
    with Image.open(HERE / name) as image:
        kind = image.format.lower()
        width, height = image.size
        if kind == "mpo":
            kind = "jpeg"
        if kind == "tiff":  # whose size Pillow gives after the orientation
            width, height = image.tag_v2[256], image.tag_v2[257]
        if image.mode.startswith("I;16"):  # convert("RGB") would clip: nearly all is white
            high = np.asarray(image).astype(np.uint16) >> 8
            image = Image.fromarray(high.astype(np.uint8))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    if how == "crop":
        result = crop(upright, target[0], FILTERS[interpolation])
    else:
        result = upright.resize(target, FILTERS[interpolation])
    data = base64.b64encode(zlib.compress(np.asarray(result).tobytes(), 9)).decode()
    lines.append(f"{name} {kind} {width} {height} {how} {interpolation} {target[0]} {target[1]} {data}")


def over_background(name):
    """The picture's case over BACKGROUND, unscaled, and scaled down."""
    with Image.open(HERE / name) as image:
        kind = image.format.lower()
        width, height = image.size
        rgba = image.convert("RGBA")
    blended = Image.new("RGB", rgba.size, BACKGROUND)
    blended.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
    for target in (rgba.size, (24, 24)):
        result = blended.resize(target, FILTERS["bilinear"])
        data = base64.b64encode(zlib.compress(np.asarray(result).tobytes(), 9)).decode()
        backgrounds.append(f"{name} {kind} {width} {height} squash bilinear {target[0]} {target[1]} {data}")


def save(name, image, same_size=True, **options):
    """Writes the file; its golden pixels are unscaled (same_size) and scaled down."""
    image.save(HERE / name, **options)
    goldens(name, same_size)


def goldens(name, same_size=True):
    if same_size:
        with Image.open(HERE / name) as image:
            golden(name, ImageOps.exif_transpose(image).size)
    golden(name)


def raw(name, data, same_size=True):
    (HERE / name).write_bytes(data)
    goldens(name, same_size)


def jpeg_pictures():
    for i, ratio in enumerate(("444", "422", "420")):
        for width, height in ((40, 32), (37, 29)):
            save(f"jpeg-{ratio}-{width}x{height}.jpg", picture(width, height), quality=85, subsampling=i)
    for ratio in ("4:4:0", "4:1:1", "4:1:0"):
        raw(f"jpeg-{ratio.replace(':', '')}-37x29.jpg", resampled(picture(37, 29), ratio))
    for width, height in ((1, 1), (1, 17), (17, 1), (2, 2), (3, 3), (4, 5), (5, 4), (8, 8), (9, 16), (33, 18)):
        save(f"jpeg-420-{width}x{height}.jpg", picture(width, height), quality=90, subsampling=2)
    save("jpeg-422-3x2.jpg", picture(3, 2), quality=90, subsampling=1)
    save("jpeg-grey.jpg", picture(37, 29, "L"), quality=85)
    save("jpeg-grey-progressive.jpg", picture(37, 29, "L"), quality=85, progressive=True)
    save("jpeg-progressive.jpg", picture(67, 45), quality=75, progressive=True)
    save("jpeg-progressive-444.jpg", picture(37, 29), quality=95, progressive=True, subsampling=0)
    save("jpeg-optimized.jpg", picture(37, 29), quality=60, optimize=True)
    save("jpeg-restarts.jpg", picture(67, 45), quality=85, restart_marker_blocks=2)
    save("jpeg-restarts-progressive.jpg", picture(67, 45), quality=85, restart_marker_rows=1, progressive=True)
    save("jpeg-quality-100.jpg", picture(37, 29), quality=100)
    save("jpeg-quality-5.jpg", picture(37, 29), quality=5)
    noise = Image.fromarray(np.random.default_rng(7).integers(0, 256, (29, 37, 3), np.uint8))
    save("jpeg-noise.jpg", noise, quality=100, subsampling=2)
    extremes = Image.fromarray((np.random.default_rng(8).integers(0, 2, (29, 37, 3)) * 255).astype(np.uint8))
    save("jpeg-extremes.jpg", extremes, quality=30, subsampling=2)
    save("jpeg-rgb.jpg", picture(37, 29), quality=85, keep_rgb=True)
    save("jpeg-cmyk.jpg", picture(37, 29, "CMYK"), quality=85)
    save("jpeg-cmyk-progressive.jpg", picture(37, 29, "CMYK"), quality=85, progressive=True)
    plain = (HERE / "jpeg-cmyk.jpg").read_bytes()
    raw("jpeg-cmyk-unmarked.jpg", without_adobe(plain))
    raw("jpeg-ycck.jpg", plain.replace(b"Adobe\x00\x64\x00\x00\x00\x00\x00", b"Adobe\x00\x64\x00\x00\x00\x00\x02"))
    save("jpeg-photo-420.jpg", picture(300, 225), same_size=False, quality=80)
    for how in ("squash", "crop"):
        golden("jpeg-photo-420.jpg", (224, 224), how=how)
    for interpolation in FILTERS:
        golden("jpeg-photo-420.jpg", (48, 40), interpolation)
        golden("jpeg-422-37x29.jpg", (61, 90), interpolation)  # enlarged
    for name in ("jpeg-photo-420.jpg", "jpeg-420-33x18.jpg", "jpeg-420-9x16.jpg", "jpeg-420-1x17.jpg"):
        for size in (32, 33, 56):
            golden(name, (size, size), how="crop")
    tall = "jpeg-420-33x90.jpg"  # Pillow 13 resizes the height first
    save(tall, picture(33, 90), quality=80)
    golden(tall, (24, 24), "lanczos")
    golden(tall, (16, 16), how="crop")
    (HERE / "wrong-extension.png").write_bytes((HERE / "jpeg-420-8x8.jpg").read_bytes())
    golden("wrong-extension.png")


def resampled(image, ratio):
    """A JPEG whose subsampling Pillow's writer doesn't offer: a 4:4:4 file of three grey
    JPEGs' scans, one component each, under one header with other sampling factors."""
    h, v = {"4:4:0": (1, 2), "4:1:1": (4, 1), "4:1:0": (4, 2)}[ratio]
    planes = list(image.convert("YCbCr").split())
    size = ((image.width + h - 1) // h, (image.height + v - 1) // v)
    planes[1:] = [plane.resize(size, Image.Resampling.BOX) for plane in planes[1:]]
    out, scans = b"", b""
    for i, plane in enumerate(planes):
        buffer = io.BytesIO()
        plane.save(buffer, "jpeg", quality=85)
        for marker, body in segments(buffer.getvalue()):
            if i == 0 and marker in (0xDB, 0xC4):
                out += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
            if marker == 0xDA:  # component i+1, tables 0; the entropy-coded bytes follow
                scans += b"\xff\xda\x00\x08\x01" + bytes([i + 1]) + body[2:]
    frame = struct.pack(">BHHB", 8, image.height, image.width, 3)
    frame += bytes([1, h << 4 | v, 0, 2, 0x11, 0, 3, 0x11, 0])
    return b"\xff\xd8" + out + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + scans + b"\xff\xd9"


def segments(data):
    """Yields a JPEG's (marker, body); the body of the scan has its data behind it."""
    at = 2
    while True:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:
            yield marker, data[at + 5 - 1 : -2]
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + struct.unpack_from(">H", data, at + 2)[0] :]


def orientations():
    for i in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = i
        save(f"exif-{i}.jpg", picture(33, 18), quality=90, exif=exif)
        golden(f"exif-{i}.jpg", (32, 32), how="crop")
    exif = Image.Exif()
    exif[0x0112] = 6
    save("exif-6.png", picture(19, 12), exif=exif)
    save("exif-6.webp", picture(19, 12), exif=exif, lossless=True)
    save("exif-6.tiff", picture(19, 12), exif=exif)
    # XMP's orientation counts where EXIF says nothing, and only there.
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    element = b"<x:xmpmeta><tiff:Orientation>3</tiff:Orientation></x:xmpmeta>"
    save("xmp-6.jpg", picture(19, 12), quality=90, xmp=xmp)
    save("xmp-3.jpg", picture(19, 12), quality=90, xmp=element)
    save("xmp-6-exif-6.jpg", picture(19, 12), quality=90, xmp=element, exif=exif)
    save("xmp-6.webp", picture(19, 12), xmp=xmp, lossless=True)
    save("xmp-6.tiff", picture(19, 12), tiffinfo={700: xmp})
    for name, compress in (("xmp-6.png", False), ("xmp-6-compressed.png", True)):
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=compress)
        save(name, picture(19, 12), pnginfo=text)
    profile = exif.tobytes()  # as ImageMagick writes it
    digits = profile.hex()
    digits = "\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    for name, compress in (("exif-text-6.png", False), ("exif-text-6-compressed.png", True)):
        text = PngImagePlugin.PngInfo()
        text.add_text("Raw profile type exif", f"\nexif\n{len(profile):8}\n{digits}\n", zip=compress)
        save(name, picture(19, 12), pnginfo=text)


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(name, samples, depth, colour, interlaced=False, extra=b""):
    """A PNG of any depth and colour type from packed or 16-bit big-endian rows."""
    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    body = b""
    for x0, y0, dx, dy in passes:
        part = samples[y0::dy, x0::dx]
        if part.size == 0:
            continue
        for row in part:
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            elif depth == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
                packed = np.packbits(bits.ravel()).tobytes()
            body += b"\0" + packed
    data = b"\x89PNG\r\n\x1a\n"
    data += png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced)))
    raw(name, data + extra + png_chunk(b"IDAT", zlib.compress(body, 9)) + png_chunk(b"IEND", b""))


def png_pictures():
    wide = scene(23, 17, 4).astype(np.uint16) * 257 ^ 0x5B
    grey, rgb, rgba = wide[..., 1], wide[..., :3], wide
    for interlaced in (False, True):
        suffix = "-interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8, 16):
            png(f"png-grey{depth}{suffix}.png", grey >> (16 - depth), depth, 0, interlaced)
        for depth in (8, 16):
            png(f"png-rgb{depth}{suffix}.png", rgb >> (16 - depth), depth, 2, interlaced)
            png(f"png-rgba{depth}{suffix}.png", rgba >> (16 - depth), depth, 6, interlaced)
            png(f"png-greyalpha{depth}{suffix}.png", rgba[..., 2:] >> (16 - depth), depth, 4, interlaced)
    palette = np.random.default_rng(3).integers(0, 256, (16, 3), np.uint8)
    plte = png_chunk(b"PLTE", palette.tobytes())
    png("png-palette4.png", grey >> 12, 4, 3, extra=plte)
    png("png-palette4-interlaced.png", grey >> 12, 4, 3, True, extra=plte)
    png("png-palette-alpha.png", grey >> 12, 8, 3, extra=plte + png_chunk(b"tRNS", bytes(range(0, 160, 16))))
    png("png-rgb8-trns.png", rgb >> 8, 8, 2, extra=png_chunk(b"tRNS", struct.pack(">HHH", *(rgb[3, 4] >> 8))))
    png("png-grey8-trns.png", grey >> 8, 8, 0, extra=png_chunk(b"tRNS", struct.pack(">H", grey[3, 4] >> 8)))


def gif_pictures():
    save("gif.gif", picture(37, 29).quantize(32))
    frames = [picture(20 + i, 21).resize((20, 21)).quantize(16) for i in range(3)]
    save("gif-animated.gif", frames[0], save_all=True, append_images=frames[1:], duration=50)
    save("gif-transparent.gif", picture(20, 13).quantize(8), transparency=2)
    # The first frame covers a part of the logical screen only.
    data = bytearray((HERE / "gif.gif").read_bytes())
    data[6:10] = struct.pack("<HH", 45, 40)
    at = data.index(b"\x2c\x00\x00\x00\x00" + struct.pack("<HH", 37, 29))
    data[at + 1 : at + 5] = struct.pack("<HH", 5, 8)
    raw("gif-offset.gif", bytes(data))
    data = bytearray((HERE / "gif-transparent.gif").read_bytes())
    data[6:10] = struct.pack("<HH", 26, 16)
    at = data.index(b"\x2c\x00\x00\x00\x00" + struct.pack("<HH", 20, 13))
    data[at + 1 : at + 5] = struct.pack("<HH", 3, 2)
    raw("gif-offset-transparent.gif", bytes(data))


def bmp_and_tiff_pictures():
    save("bmp-rgb.bmp", picture(23, 17))
    save("bmp-grey.bmp", picture(23, 17, "L"))
    save("bmp-palette.bmp", picture(23, 17).quantize(16))
    save("bmp-rgba.bmp", picture(23, 17, "RGBA"))
    save("tiff-rgb.tiff", picture(23, 17))
    save("tiff-grey.tiff", picture(23, 17, "L"), compression="packbits")
    save("tiff-lzw.tiff", picture(23, 17), compression="tiff_lzw")
    save("tiff-deflate.tiff", picture(23, 17), compression="tiff_adobe_deflate")
    save("tiff-rgba.tiff", picture(23, 17, "RGBA"))
    save("tiff-palette.tiff", picture(23, 17).quantize(16))
    save("tiff-bilevel.tiff", picture(23, 17).convert("1"))
    save("tiff-grey16.tiff", Image.fromarray(scene(23, 17)[..., 1].astype(np.uint16) * 257 ^ 0x5B))


def webp_pictures():
    save("webp-lossless.webp", picture(23, 17), lossless=True)
    save("webp-lossless-alpha.webp", picture(23, 17, "RGBA"), lossless=True, exact=True)
    for width, height in ((40, 32), (37, 29), (1, 1), (2, 3), (1, 6), (7, 1)):
        save(f"webp-lossy-{width}x{height}.webp", picture(width, height), quality=80)
    save("webp-lossy-alpha.webp", picture(37, 29, "RGBA"), quality=80, exact=True)
    frames = [picture(20 + i, 21).resize((20, 21)) for i in range(3)]
    save("webp-animated.webp", frames[0], save_all=True, append_images=frames[1:], quality=80)
    save("webp-animated-lossless.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)


if __name__ == "__main__":
    for old in HERE.iterdir():
        if old.suffix in (".jpg", ".png", ".gif", ".bmp", ".tiff", ".webp"):
            old.unlink()
    jpeg_pictures()
    orientations()
    png_pictures()
    gif_pictures()
    bmp_and_tiff_pictures()
    webp_pictures()
    (HERE / "golden.txt").write_text("\n".join(lines) + "\n")
    for name in (
        "png-rgba8.png png-rgba8-interlaced.png png-rgba16.png png-greyalpha8.png png-greyalpha16.png png-palette-alpha.png "
        "png-rgb8-trns.png png-grey8-trns.png gif-transparent.gif gif-offset-transparent.gif tiff-rgba.tiff "
        "webp-lossless-alpha.webp webp-lossy-alpha.webp webp-animated.webp bmp-rgba.bmp png-palette4.png jpeg-grey.jpg"
    ).split():
        over_background(name)
    (HERE / "background.txt").write_text("\n".join(backgrounds) + "\n")
    print(len(lines), "cases")
