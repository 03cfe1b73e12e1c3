#!/usr/bin/env python3
"""Makes views.txt, sums of Pillow's pixels for several views of a picture.

Pinned as make_golden.py is, and run in its environment. views.txt has a line per case,

    FILE flip|tencrop squash|crop INTERPOLATION SIZE SUM...
    FILE dense - INTERPOLATION SIDE,... WIDTHxHEIGHT:SUM...

with the CRC-32 of each view's RGB bytes. The views are torchvision's: Resize, then CenterCrop
or TenCrop, whose lines are written out below, or hflip. "squash" with "tencrop" scales the
whole picture to 256/224 of the size first.
"""

import zlib

from PIL import Image, ImageOps

from make_golden import FILTERS, HERE, crop

PHOTOS = HERE.parent / "photos"


def shorter_side(image, side, resample):
    w, h = image.size
    size = (side, int(side * h / w)) if w <= h else (int(side * w / h), side)
    return image.resize(size, resample)


def five_crop(image, size):
    w, h = image.size
    left, top = int(round((w - size) / 2.0)), int(round((h - size) / 2.0))
    return [
        image.crop((0, 0, size, size)),
        image.crop((w - size, 0, w, size)),
        image.crop((0, h - size, size, h)),
        image.crop((w - size, h - size, w, h)),
        image.crop((left, top, left + size, top + size)),
    ]


def views(image, kind, how, resample, size):
    if kind == "flip":
        view = crop(image, size, resample) if how == "crop" else image.resize((size, size), resample)
        return [view, ImageOps.mirror(view)]
    margin = round(size * 256 / 224)
    if how == "crop":
        image = shorter_side(image, margin, resample)
    else:
        image = image.resize((margin, margin), resample)
    return five_crop(image, size) + five_crop(ImageOps.mirror(image), size)


def total(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


lines = []
for name in ("picture/exif-6.jpg", "picture/png-rgba8.png", "picture/jpeg-420-33x90.jpg", "photos/cat.1.png",
             "photos/cat.3.jpg", "photos/dog.1.jpg", "photos/other.3.jpg"):
    with Image.open(HERE.parent / name) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    for i, (interpolation, resample) in enumerate(FILTERS.items()):
        size = (224, 57, 32, 99)[i]
        for kind in ("flip", "tencrop"):
            for how in ("squash", "crop"):
                sums = " ".join(map(total, views(image, kind, how, resample, size)))
                lines.append(f"{name} {kind} {how} {interpolation} {size} {sums}\n")
        sums = []
        sides = (64, 97, 256) if i == 0 else (48, 131)
        for side in sides:
            scaled = shorter_side(image, side, resample)
            for view in (scaled, ImageOps.mirror(scaled)):
                sums.append(f"{view.width}x{view.height}:{total(view)}")
        lines.append(f"{name} dense - {interpolation} {','.join(map(str, sides))} {' '.join(sums)}\n")
(HERE / "views.txt").write_text("".join(lines))
print(len(lines), "cases")
