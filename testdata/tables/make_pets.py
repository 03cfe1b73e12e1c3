"""Writes pets.parquet: six small pictures as Hugging Face datasets writes a folder of images,
in row groups of two. One is no picture, one has no bytes, and two have the same name.

    python testdata/tables/make_pets.py testdata/tables/pets.parquet
"""

import io
import sys

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as Pillow

random = np.random.default_rng(3)


def picture(format, red):
    pixels = random.integers(0, 100, (40, 48, 3), dtype=np.uint8)
    pixels[:, :, 0 if red else 2] = 180
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, format)
    return out.getvalue()


rows = [
    (picture("JPEG", True), "cats/1.jpg", 0),
    (picture("JPEG", False), "dogs/1.jpg", 1),
    (b"this is no picture", "dogs/broken.jpg", 1),
    (picture("WEBP", False), "dogs/2.webp", 1),
    (None, "https://example.org/cat.jpg", 0),
    (picture("JPEG", True), "cats/1.jpg", -1),
]
features = Features({"image": Image(decode=False), "label": ClassLabel(names=["cat", "dog"])})
Dataset.from_list(
    [{"image": {"bytes": b, "path": p}, "label": c} for b, p, c in rows], features=features
).to_parquet(sys.argv[1], batch_size=2)
