"""Writes the photographs that are in the program, for `extract model check`, to
internal/samples: squares of 224 pixels, without metadata. Pillow 13.0.0."""

import os

from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
to = os.path.join(here, "..", "..", "internal", "samples")
for name, kept in {"cat.1.png": "cat", "dog.1.jpg": "dog", "other.1.jpg": "duck", "other.2.jpg": "horses"}.items():
    with Image.open(os.path.join(here, name)) as photo:
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        square = photo.convert("RGB").resize((224, 224), Image.BICUBIC, (left, top, left + side, top + side))
        square.save(os.path.join(to, kept + ".jpg"), quality=88)
