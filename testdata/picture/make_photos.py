#!/usr/bin/env python3
"""Makes photos.txt, sums of Pillow's pixels for photos that are too large to keep them for.

Pinned as make_golden.py is, and run in its environment:

    python make_photos.py FOLDER   # the cats-vs-dogs photos, *.jpg

photos.txt has a line per photo: its name, the CRC-32 of the whole picture at 224x224
(bilinear), and that of its centre ("crop"), the filter of which goes round with the lines.
"""

import pathlib
import sys
import zlib

from PIL import Image, ImageOps

from make_golden import FILTERS, HERE, crop

lines = []
for i, name in enumerate(sorted(pathlib.Path(sys.argv[1]).glob("*.jpg"))):
    with Image.open(name) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    squashed = upright.resize((224, 224), FILTERS["bilinear"])
    centre = crop(upright, 224, list(FILTERS.values())[i % len(FILTERS)])
    lines.append(f"{name.name} {zlib.crc32(squashed.tobytes()):08x} {zlib.crc32(centre.tobytes()):08x}\n")
(HERE / "photos.txt").write_text("".join(lines))
print(len(lines), "photos")
