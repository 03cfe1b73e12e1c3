#!/usr/bin/env python3
"""Transcodes photos to AVIF and HEIC, and prints Pillow's and pillow-heif's pixels and speed for them.

    python check_heif.py DIR PHOTO...

Pinned: the environment `pictures` (testdata/python/requirements-pictures.txt). DIR gets the files; each line is

    FILE WIDTH HEIGHT CRC SECONDS

CRC is the CRC-32 of Image.open(FILE).convert("RGB"), SECONDS the least processor time of three that this took in a
process that decodes in one thread.
"""

import pathlib
import sys
import time
import zlib

import pillow_heif
from PIL import AvifImagePlugin, Image

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.register_heif_opener()
folder = pathlib.Path(sys.argv[1])


def measure(path):
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        best = min(best, time.process_time() - start)
    print(path.name, *rgb.size, zlib.crc32(rgb.tobytes()), f"{best:.6f}", flush=True)


for number, photo in enumerate(sys.argv[2:]):
    with Image.open(photo) as image:
        rgb = image.convert("RGB")
    if number == 0:  # one as large as a phone's
        rgb = rgb.resize((2016, 1512), Image.Resampling.LANCZOS)
    for name, options in ((f"{number}.avif", {"speed": 8}), (f"{number}.heic", {})):
        rgb.save(folder / name, quality=75, **options)
        measure(folder / name)
