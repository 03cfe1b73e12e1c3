"""Makes the photos of two tasks of scripts/bench-heads.sh from photos of something else.

    turned.py ways PHOTOS OUT [SEED]     mirrored and turned by right angles, in one of 8 ways
    turned.py turns PHOTOS OUT [SEED]    turned by a multiple of 45 degrees

Each photo PHOTOS/NAME.jpg becomes OUT/WAY/NAME.jpg, in a way that is drawn. The first keeps the pixels as they are:
only the orientation in the EXIF data says how to turn them, so nothing is compressed again. The second needs Pillow;
corners without a pixel are black.
"""

import io
import pathlib
import random
import struct
import sys

WAYS = range(1, 9)  # the values of EXIF's orientation


def with_orientation(jpeg: bytes, way: int) -> bytes:
    """The JPEG with this orientation, without the EXIF data that it had."""
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + struct.pack("<HHIHH", 0x0112, 3, 1, way, 0) + struct.pack("<I", 0)
    exif = b"Exif\0\0" + tiff
    out = [b"\xff\xd8", b"\xff\xe1", struct.pack(">H", len(exif) + 2), exif]
    at = 2
    while jpeg[at + 1] != 0xDA:  # up to the start of the scan
        size = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if jpeg[at + 1] != 0xE1:
            out.append(jpeg[at : at + size])
        at += size
    return b"".join(out + [jpeg[at:]])


def turned(file: pathlib.Path, degrees: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.open(file).convert("RGB").rotate(degrees, Image.Resampling.BICUBIC).save(out, "JPEG", quality=95)
    return out.getvalue()


def main(what: str, photos: str, out: str, seed: str = "1") -> None:
    draw = random.Random(int(seed))
    files = sorted(pathlib.Path(photos).glob("*.jpg"))
    if not files:
        sys.exit(f"turned.py: no JPEG photos in {photos}")
    for file in files:
        way = draw.choice(WAYS)
        name, photo = (f"way{way}", with_orientation(file.read_bytes(), way)) if what == "ways" else (f"turn{45 * (way - 1):03d}", turned(file, 45 * (way - 1)))
        folder = pathlib.Path(out, name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(photo)


main(*sys.argv[1:])
