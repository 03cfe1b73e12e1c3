"""Makes the photos of the tasks "rot8": each photo turned and mirrored in one of the 8 ways, drawn by a seed.

    turned.py PHOTOS OUT [SEED]

writes OUT/WAY/NAME.jpg for each PHOTOS/NAME.jpg. The pixels stay as they are: only the orientation in the
EXIF data says how to turn them, so nothing is compressed again.
"""

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


def main(photos: str, out: str, seed: str = "1") -> None:
    draw = random.Random(int(seed))
    files = sorted(pathlib.Path(photos).glob("*.jpg"))
    if not files:
        sys.exit(f"turned.py: no JPEG photos in {photos}")
    for file in files:
        way = draw.choice(WAYS)
        folder = pathlib.Path(out, f"way{way}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(with_orientation(file.read_bytes(), way))


main(*sys.argv[1:])
