"""Copies of photos, and the cosines of their features: the two halves of bench-duplicates.sh.

duplicates.py make PHOTOS OUT N: N photos of a directory, evenly spread, in every way of COPIES
duplicates.py measure DATA COLUMN...: which of the copies a threshold finds, and how many pairs of different photos it
    takes for copies. DATA has the rows of the photos and of their copies; a whole layer is also averaged here.
"""

import json
import pathlib
import sys

import numpy
import pyarrow.dataset
from PIL import Image, ImageEnhance, ImageOps


def trimmed(share):
    """Cuts off a share of the width and of the height on each side."""
    return lambda image: image.crop((round(share * image.width), round(share * image.height),
                                     image.width - round(share * image.width), image.height - round(share * image.height)))


def scaled(share):
    return lambda image: image.resize((max(1, round(share * image.width)), max(1, round(share * image.height))), Image.Resampling.LANCZOS)


# A copy is saved at quality 95, but for those of a lower one.
COPIES = {
    "half the size": (scaled(0.5), 95),
    "a quarter of the size": (scaled(0.25), 95),
    "JPEG quality 50": (lambda image: image, 50),
    "JPEG quality 30": (lambda image: image, 30),
    "2.5 % cut off each side": (trimmed(0.025), 95),
    "5 % cut off each side": (trimmed(0.05), 95),
    "mirrored": (ImageOps.mirror, 95),
    "mirrored, 2.5 % cut off": (lambda image: trimmed(0.025)(ImageOps.mirror(image)), 95),
    "10 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.1), 95),
    "30 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 95),
    "no colours": (lambda image: ImageOps.grayscale(image).convert("RGB"), 95),
}
THRESHOLDS = [0.80, 0.85, 0.90, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99]


def make(photos, out, count):
    files = sorted(pathlib.Path(photos).glob("*.jpg"))
    for file in files[:: max(1, len(files) // int(count))][: int(count)]:
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        for name, (change, quality) in COPIES.items():
            to = pathlib.Path(out, name)
            to.mkdir(parents=True, exist_ok=True)
            change(image).save(to / file.name, quality=quality)


def unit(rows):
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def columns_of(table, names):
    """The features by what they are called in the result."""
    for name in names:
        column = table.column(name).combine_chunks()
        rows = numpy.asarray(column.flatten(), numpy.float32).reshape(len(column), -1)
        yield name, rows
        shape = json.loads(table.schema.metadata[f"features.{name}.shape".encode()])
        if len(shape) > 1:  # positions, and the channels last
            positions = rows.reshape(len(rows), -1, shape[-1])
            yield f"{name}, averaged", positions.mean(axis=1, dtype=numpy.float64)
            yield f"{name}, maxima", positions.max(axis=1)


def measure(data, *names):
    table = pyarrow.dataset.dataset(data).to_table()
    paths = table.column("path").to_pylist()
    photos = {path: i for i, path in enumerate(paths) if "/" not in path}
    for name, rows in columns_of(table, names or ["pool5"]):
        normal = unit(rows).astype(numpy.float64)
        originals = normal[list(photos.values())]
        names_of = list(photos)
        cosines = originals @ originals.T
        pairs = cosines[numpy.triu_indices(len(originals), 1)]
        print(f"\n{name} ({rows.shape[1]} values), {len(originals)} photos\n")
        print("| | " + " | ".join(f"{t:g}" for t in THRESHOLDS) + " | least, median |")
        print("| --- |" + " ---: |" * (len(THRESHOLDS) + 1))
        for copy in COPIES:
            found = numpy.array([normal[i] @ originals[names_of.index(path.rsplit("/", 1)[1])]
                                 for i, path in enumerate(paths) if path.startswith(copy + "/")])
            shares = " | ".join(f"{100 * (found >= t).mean():.0f} %" for t in THRESHOLDS)
            print(f"| {copy} | {shares} | {found.min():.3f}, {numpy.median(found):.3f} |")
        print("| pairs of different files | " + " | ".join(str((pairs >= t).sum()) for t in THRESHOLDS) + f" | largest {pairs.max():.4f} |")
        print("\nThe pairs of different files that are most alike:")
        first, second = numpy.triu_indices(len(originals), 1)
        for k in numpy.argsort(-pairs)[:12]:
            print(f"  {pairs[k]:.4f} {names_of[first[k]]} {names_of[second[k]]}")


{"make": make, "measure": measure}[sys.argv[1]](*sys.argv[2:])
