#!/usr/bin/env python3
"""Transcodes photos to JPEG 2000 and JPEG XL, and prints Pillow's and pillow-jxl-plugin's pixels and speed for them.

    python check_jpeg2000.py DIR PHOTO...

Pinned: Python 3.11, Pillow 13.0.0, pillow-jxl-plugin 1.3.8 (testdata/python/requirements-pictures.txt). DIR gets the
files, and their pixels as FILE.rgb; each line is

    FILE WIDTH HEIGHT CRC SECONDS

CRC is the CRC-32 of Image.open(FILE).convert("RGB"), SECONDS the least processor time of three that this took in a
process that decodes in one thread.
"""

import pathlib
import sys
import time
import zlib

import pillow_jxl.JpegXLImagePlugin
from PIL import Image

pillow_jxl.JpegXLImagePlugin.DECODE_THREADS = 0
folder = pathlib.Path(sys.argv[1])
kinds = {
    "lossy.jp2": {"irreversible": True, "quality_mode": "dB", "quality_layers": [40]},
    "lossless.jp2": {},
    "lossy.jxl": {"quality": 85},
    "lossless.jxl": {"lossless": True},
}


def measure(path):
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        best = min(best, time.process_time() - start)
    path.with_name(path.name + ".rgb").write_bytes(rgb.tobytes())
    print(path.name, *rgb.size, zlib.crc32(rgb.tobytes()), f"{best:.6f}", flush=True)


for number, photo in enumerate(sys.argv[2:]):
    with Image.open(photo) as image:
        rgb = image.convert("RGB")
    if number == 0:  # one as large as a phone's
        rgb = rgb.resize((2016, 1512), Image.Resampling.LANCZOS)
    for name, options in kinds.items():
        rgb.save(folder / f"{number}-{name}", **options)
        measure(folder / f"{number}-{name}")
