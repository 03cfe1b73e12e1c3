#!/usr/bin/env python3
"""Makes the AVIF and HEIC files of heif.tar.gz and heif.txt, Pillow's and pillow-heif's pixels for them.

Pinned: Python 3.11, Pillow 13.0.0 (libavif 1.4.2, dav1d 1.5.3, libaom 3.14.1), pillow-heif 1.8.1 (libheif 1.23.6,
libde265 1.1.3, x265 4.3), imagecodecs 2026.3.6 (libavif 1.4.0) and numpy 2.4.6:

    pip install pillow==13.0.0 pillow-heif==1.8.1 imagecodecs==2026.3.6 numpy==2.4.6 && python make_heif.py

heif.txt has a line per case, fields separated by spaces:

    FILE FORMAT SOURCE_WIDTH SOURCE_HEIGHT BACKGROUND WIDTH HEIGHT CRC TRUE

WIDTH and HEIGHT are of the upright picture, CRC is the CRC-32 of its RGB. BACKGROUND is "-", or a colour over which
the picture is pasted. The way to the pixels is Image.open, ImageOps.exif_transpose, convert("RGB"). Deviations: of
grey pictures of more than 8 bits the high byte is kept, which convert("RGB") clips. No HEIC here is cropped at an odd
pixel, where the chroma of the product's libheif (1.23.0) differs from that of pillow-heif's at the edge.

What encoders cannot write is put together from their parts here: grids, properties, references, lies.
"""

import io
import pathlib
import struct
import tarfile
import warnings
import zlib

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
BACKGROUND = (0x33, 0x66, 0x99)
pillow_heif.register_heif_opener()
warnings.simplefilter("ignore")
files = {}  # name -> bytes
lines = []


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


def smooth(width, height, channels=3, most=255):
    """Fields of one colour each, which take few bytes."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x // 256 * 256 / width, y // 256 * 256 / height
    out = np.stack([u, v, (1 - u) * (1 - v), 1 - u * v], -1)[..., :channels] * most
    return out.astype(np.uint8 if most < 256 else np.uint16)


# --- boxes


def box(kind, *parts):
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data, at=0, end=None):
    """Yields kind, start of the content, end."""
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        yield kind, at + head, at + (size or end - at)
        at += size or end - at


def within(data, *path):
    """The content of a box in boxes."""
    at, end = 0, len(data)
    for kind in path:
        at, end = next((a, e) for k, a, e in boxes(data, at, end) if k == kind)
        if kind in (b"meta",):
            at += 4
    return data[at:end]


def coded(data):
    """The bitstream and the codec's configuration of a file's first image, as an encoder wrote it."""
    properties = list(boxes(within(data, b"meta", b"iprp", b"ipco")))
    ipco = within(data, b"meta", b"iprp", b"ipco")
    config = next(ipco[a - 8 : e] for k, a, e in boxes(ipco) if k in (b"hvcC", b"av1C"))
    iloc = within(data, b"meta", b"iloc")
    version, sizes = iloc[0], struct.unpack_from(">H", iloc, 4)[0]
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    at = 6 + (4 if version == 2 else 2) + (4 if version == 2 else 2) + (2 if version else 0) + 2
    number = lambda a, n: int.from_bytes(iloc[a : a + n], "big")
    base = number(at, base_size)
    at += base_size + 2
    offset, length = number(at, offset_size), number(at + offset_size, length_size)
    return data[base + offset : base + offset + length], config


def ispe(width, height):
    return full(b"ispe", 0, 0, struct.pack(">II", width, height))


def nclx(primaries, transfer, matrix, is_full):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, is_full << 7))


ALPHA = full(b"auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
DEPTH = full(b"auxC", 0, 0, b"urn:mpeg:hevc:2015:auxid:2\0")
GAIN = full(b"auxC", 0, 0, b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
rotated = lambda quarters: box(b"irot", bytes([quarters]))
mirrored = lambda axis: box(b"imir", bytes([axis]))


def clap(width, height, x=(0, 1), y=(0, 1)):
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *x, *y))


def collection(brand, items, references=(), primary=1, compatible=(), behind=b"", hidden=()):
    """A file of items, each (kind, data, properties); references are (kind, from, [to])."""
    ftyp = box(b"ftyp", brand, bytes(4), b"".join((brand, b"mif1", *compatible)))
    properties, associations = [], []
    for number, (_, _, own) in enumerate(items, 1):
        indices = []
        for p in own:
            if p not in properties:
                properties.append(p)
            essential = p[4:8] in (b"hvcC", b"av1C", b"irot", b"imir", b"clap")
            indices.append(properties.index(p) + 1 | (0x80 if essential else 0))
        associations.append(struct.pack(">HB", number, len(indices)) + bytes(indices))
    infos = [
        full(b"infe", 2, 1 if n in hidden else 0, struct.pack(">HH4s", n, 0, kind), b"\0", b"application/rdf+xml\0" if kind == b"mime" else b"")
        for n, (kind, _, _) in enumerate(items, 1)
    ]

    def meta(start):
        locations, at = [], start
        for number, (_, data, _) in enumerate(items, 1):
            locations.append(struct.pack(">HHHII", number, 0, 1, at, len(data)))
            at += len(data)
        parts = [
            full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(12), b"\0"),
            full(b"pitm", 0, 0, struct.pack(">H", primary)),
            full(b"iloc", 0, 0, b"\x44\0", struct.pack(">H", len(items)), *locations),
            full(b"iinf", 0, 0, struct.pack(">H", len(items)), *infos),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, 0, struct.pack(">I", len(items)), *associations)),
        ]
        if references:
            parts.append(full(b"iref", 0, 0, *(
                box(kind, struct.pack(f">HH{len(to)}H", n, len(to), *to)) for kind, n, to in references)))
        return full(b"meta", 0, 0, *parts)

    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + box(b"mdat", *(data for _, data, _ in items)) + behind


def grid(rows, columns, width, height):
    return bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", width, height)


# --- encoders


def heic(pixels, mode="RGB", chroma=420, quality=85, **options):
    """pillow-heif's file; of pixels of more than 8 bits, which are scaled to 16, one of 10 bits."""
    out = io.BytesIO()
    h, w = pixels.shape[:2]
    image = pillow_heif.from_bytes(mode, (w, h), np.ascontiguousarray(pixels).tobytes())
    image.save(out, quality=quality, chroma=chroma, **options)
    return out.getvalue()


def avif(pixels, **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "AVIF", **{"quality": 80, "speed": 9, "max_threads": 1, **options})
    return out.getvalue()


def deep_avif(width, height, bits, pixelformat, channels=3, **options):
    pixels = scene(width, height, channels, (1 << bits) - 1)
    return imagecodecs.avif_encode(pixels, level=80, speed=9, bitspersample=bits, pixelformat=pixelformat, numthreads=1, **options)


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' \
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'


def add(name, data, refused=None):
    """Adds a file, with the pixels that Pillow makes of it; one that is refused has the reason instead."""
    files[name] = data
    if refused:
        lines.append(f"{name} refused {refused}")
        return
    with Image.open(io.BytesIO(data), formats=["AVIF" if name.endswith(".avif") else "HEIF"]) as image:
        kind, (w, h) = image.format.lower().replace("heif", "heic"), image.size
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            grey = (np.asarray(image) >> 8).astype(np.uint8)
            image = Image.fromarray(grey)
        case(name, kind, w, h, "-", image.convert("RGB"))
        if image.mode in ("RGBA", "RGBa"):
            image = image.convert("RGBA")
            under = Image.new("RGB", image.size, BACKGROUND)
            under.paste(image.convert("RGB"), mask=image.getchannel("A"))
            case(name, kind, w, h, "#%02x%02x%02x" % BACKGROUND, under)


def case(name, kind, w, h, background, image):
    pixels = np.asarray(image)
    lines.append(f"{name} {kind} {w} {h} {background} {pixels.shape[1]} {pixels.shape[0]} {zlib.crc32(pixels.tobytes())}")


def make_heic():
    rgb = scene(70, 52)
    for chroma in (420, 422, 444):
        add(f"{chroma}.heic", heic(rgb, chroma=chroma))
    add("lossless.heic", heic(scene(33, 21), chroma=444, quality=-1))
    add("limited-709.heic", heic(rgb, matrix_coefficients=1, full_range_flag=0))
    add("odd.heic", heic(scene(37, 29)))
    add("grey.heic", heic(rgb[..., 1], "L"))
    add("alpha.heic", heic(scene(70, 52, 4), "RGBA"))
    add("10-bits.heic", heic(scene(70, 52, 3, 65535), "RGB;16"))
    add("10-bits-alpha.heic", heic(scene(70, 52, 4, 65535), "RGBA;16"))
    add("10-bits-grey.heic", heic(scene(70, 52, 3, 65535)[..., 1], "L;16"))

    data, config = coded(heic(scene(128, 64), quality=60))
    plain = (b"hvc1", data, [config, ispe(128, 64)])
    for quarters in range(4):
        for axis in (None, 0, 1):
            if quarters or axis is not None:
                own = [rotated(quarters)] * (quarters > 0) + ([] if axis is None else [mirrored(axis)])
                add(f"irot-{quarters}-imir-{axis}.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), *own])]))
    add("imir-before-irot.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), mirrored(1), rotated(1)])]))
    turn = struct.pack(">I", 6) + exif(6)  # the offset leads behind "Exif\0\0"
    note = (b"Exif", turn, [])
    about = [(b"cdsc", 2, [1])]
    # EXIF does not turn a HEIF, whether its own properties do or not.
    add("exif-6.heic", collection(b"heic", [plain, note], about))
    add("exif-6-irot-1.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), rotated(1)]), note], about))
    add("exif-8-irot-3.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), rotated(3)]), (b"Exif", struct.pack(">I", 6) + exif(8), [])], about))
    add("xmp-6.heic", collection(b"heic", [plain, (b"mime", XMP, [])], about))
    add("clap.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), clap(40, 30, (-5, 1), (3, 1))])]))
    add("clap-irot.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(128, 64), clap(40, 30, (-6, 1), (3, 1)), rotated(1)])]))

    tiles = [coded(heic(scene(64 + i, 64)[:, :64])) for i in range(6)]
    items = [(b"grid", grid(2, 3, 170, 120), [ispe(170, 120)])] + [(b"hvc1", d, [c, ispe(64, 64)]) for d, c in tiles]
    add("grid.heic", collection(b"heic", items, [(b"dimg", 1, [2, 3, 4, 5, 6, 7])], hidden=range(2, 8)))
    turned = [(b"grid", grid(2, 3, 170, 120), [ispe(170, 120), rotated(3)]), *items[1:]]
    add("grid-irot.heic", collection(b"heic", turned, [(b"dimg", 1, [2, 3, 4, 5, 6, 7])], hidden=range(2, 8)))

    small, small_config = coded(heic(scene(64, 64)))
    grey, grey_config = coded(heic(scene(128, 64, 4)[..., 3], "L", quality=60))
    other = (b"hvc1", small, [small_config, ispe(64, 64)])
    add("collection.heic", collection(b"heic", [other, plain, other], primary=2))
    add("thumbnail.heic", collection(b"heic", [plain, other], [(b"thmb", 2, [1])]))
    add("depth.heic", collection(b"heic", [plain, (b"hvc1", grey, [grey_config, ispe(128, 64), DEPTH])], [(b"auxl", 2, [1])]))
    add("gain-map.heic", collection(b"heic", [plain, (b"hvc1", grey, [grey_config, ispe(128, 64), GAIN])], [(b"auxl", 2, [1])]))
    opacity = (b"hvc1", grey, [grey_config, ispe(128, 64), ALPHA])
    add("premultiplied.heic", collection(b"heic", [plain, opacity], [(b"auxl", 2, [1]), (b"prem", 1, [2])]))
    add("motion-photo.heic", collection(b"heic", [plain], behind=box(b"mpvd", box(b"ftyp", b"isom", bytes(4)), box(b"moov", bytes(40)))))
    add("mif1.heic", collection(b"mif1", [plain], compatible=(b"heic",)))

    add("large.heic", heic(smooth(1600, 1200), quality=10))
    add("large-10-bits-alpha.heic", heic(smooth(1600, 1200, 4, 65535), "RGBA;16", chroma=444, quality=50))

    # What is not decoded, or lies.
    for kind, what in ((b"jpeg", "jpeg"), (b"j2k1", "jpeg-2000"), (b"unci", "uncompressed"), (b"vvc1", "vvc"), (b"avc1", "h264")):
        add(f"{what}-inside.heif", collection(b"mif1", [(kind, bytes(100), [ispe(128, 64)])]), refused="unsupported")
    add("sequence.heics", box(b"ftyp", b"msf1", bytes(4), b"msf1hevc") + box(b"moov", full(b"mvhd", 0, 0, bytes(96))), refused="unsupported")
    add("ispe-too-small.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(16, 16)])]), refused="corrupt")
    add("ispe-too-large.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(4000, 4000)])]), refused="corrupt")
    add("ispe-huge.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(1 << 31, 1 << 31)])]), refused="corrupt")
    add("ispe-zero.heic", collection(b"heic", [(b"hvc1", data, [config, ispe(0, 64)])]), refused="corrupt")
    add("grid-of-itself.heic", collection(b"heic", [(b"grid", grid(1, 1, 64, 64), [ispe(64, 64)])], [(b"dimg", 1, [1])]), refused="corrupt")
    add("no-configuration.heic", collection(b"heic", [(b"hvc1", data, [ispe(128, 64)])]), refused="corrupt")


def make_avif():
    rgb = scene(70, 52)
    for chroma in ("4:2:0", "4:2:2", "4:4:4"):
        for kind in ("full", "limited"):
            add(f"{chroma.replace(':', '')}-{kind}.avif", avif(rgb, subsampling=chroma, range=kind))
    add("400-full.avif", avif(rgb[..., 1].copy(), subsampling="4:0:0"))
    add("400-limited.avif", avif(rgb[..., 1].copy(), subsampling="4:0:0", range="limited"))
    add("odd.avif", avif(scene(37, 29)))
    add("alpha.avif", avif(scene(70, 52, 4)))
    add("alpha-premultiplied.avif", avif(scene(70, 52, 4), alpha_premultiplied=True))
    frames = [Image.fromarray(scene(48 + 0 * i, 36)[::1 - 2 * (i % 2)].copy()) for i in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:], duration=100, speed=9, max_threads=1)
    add("animated.avif", out.getvalue())
    out = io.BytesIO()
    frames = [Image.fromarray(scene(48, 36, 4)[::1 - 2 * (i % 2)].copy()) for i in range(2)]
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:], duration=100, speed=9, max_threads=1)
    add("animated-alpha.avif", out.getvalue())
    for bits in (10, 12):
        for pixelformat in ("420", "422", "444"):
            add(f"{pixelformat}-{bits}-bits.avif", deep_avif(70, 52, bits, pixelformat))
        add(f"alpha-{bits}-bits.avif", deep_avif(70, 52, bits, "420", 4))
    add("400-10-bits.avif", imagecodecs.avif_encode(scene(70, 52, 3, 1023)[..., 1].copy(), level=80, speed=9, bitspersample=10, pixelformat="400", numthreads=1))

    data, config = coded(avif(rgb, subsampling="4:4:4"))
    half, half_config = coded(avif(rgb))
    for name, matrix in (("identity", 0), ("709", 1), ("fcc", 4), ("601", 6), ("240", 7), ("ycgco", 8), ("2020", 9)):
        for kind in (0, 1):
            if matrix == 0 and not kind:
                continue
            refused = "unsupported" if matrix == 8 and not kind else None
            own = [config, ispe(70, 52), nclx(1, 13, matrix, kind)]
            add(f"matrix-{name}-{('limited', 'full')[kind]}.avif", collection(b"avif", [(b"av01", data, own)], compatible=(b"miaf",)), refused)
            if matrix:
                own = [half_config, ispe(70, 52), nclx(1, 13, matrix, kind)]
                add(f"matrix-{name}-{('limited', 'full')[kind]}-420.avif", collection(b"avif", [(b"av01", half, own)], compatible=(b"miaf",)), refused)
    plain = (b"av01", half, [half_config, ispe(70, 52)])
    for quarters in range(4):
        for axis in (None, 0, 1):
            if quarters or axis is not None:
                own = [rotated(quarters)] * (quarters > 0) + ([] if axis is None else [mirrored(axis)])
                add(f"irot-{quarters}-imir-{axis}.avif", collection(b"avif", [(b"av01", half, [half_config, ispe(70, 52), *own])]))
    note, about = (b"Exif", struct.pack(">I", 6) + exif(6), []), [(b"cdsc", 2, [1])]
    add("exif-6.avif", collection(b"avif", [plain, note], about))
    add("exif-6-irot-1.avif", collection(b"avif", [(b"av01", half, [half_config, ispe(70, 52), rotated(1)]), note], about))
    add("xmp-6.avif", collection(b"avif", [plain, (b"mime", XMP, [])], about))
    add("clap.avif", collection(b"avif", [(b"av01", half, [half_config, ispe(70, 52), clap(40, 30)])]))
    tiles = [coded(avif(scene(64 + i, 64)[:, :64].copy())) for i in range(4)]
    items = [(b"grid", grid(2, 2, 110, 120), [ispe(110, 120)])] + [(b"av01", d, [c, ispe(64, 64)]) for d, c in tiles]
    add("grid.avif", collection(b"avif", items, [(b"dimg", 1, [2, 3, 4, 5])], hidden=range(2, 6)))
    add("mif1.avif", collection(b"mif1", [plain], compatible=(b"avif",)))
    # libavif scales an image to the size that the file says it has.
    add("ispe-too-small.avif", collection(b"avif", [(b"av01", half, [half_config, ispe(16, 16)])]))
    add("ispe-too-large.avif", collection(b"avif", [(b"av01", half, [half_config, ispe(150, 120)])]))
    add("large.avif", avif(smooth(1600, 1200)))
    add("large-12-bits-alpha.avif", imagecodecs.avif_encode(smooth(1600, 1200, 4, 4095), level=1, speed=9, bitspersample=12, pixelformat="444", numthreads=1))
    add("hevc-inside.avif", collection(b"avif", [(b"hvc1", half, [ispe(70, 52)])]), refused="unsupported")


make_heic()
make_avif()
with tarfile.open(HERE / "heif.tar.gz", "w:gz", format=tarfile.USTAR_FORMAT) as archive:
    for name in sorted(files):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(files[name]), 0o644
        archive.addfile(info, io.BytesIO(files[name]))
(HERE / "heif.txt").write_text("\n".join(lines) + "\n")
print(len(files), "files,", len(lines), "cases")
