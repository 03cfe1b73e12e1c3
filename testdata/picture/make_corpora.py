#!/usr/bin/env python3
"""Makes corpora.txt, sums of Pillow's pixels for the test pictures that other projects ship.

Pinned as make_golden.py is, and run in its environment, with a Go module cache at hand and
the others' pictures fetched by corpora.sh:

    ./corpora.sh && python make_corpora.py

corpora.txt has a line per file: the corpus, the path in it, and the size of the upright
picture and the CRC-32 of its RGB pixels, or "0 0 -" and why Pillow gives none. JPEGs of 12 bits, which
Pillow refuses, have the high byte of what imagecodecs 2026.3.6 (libjpeg-turbo 3.1.3) gives.
"""

import os
import pathlib
import signal
import subprocess
import warnings
import zlib

import imagecodecs
import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout.strip()


def corpora():
    standard = pathlib.Path(output("go", "env", "GOROOT")) / "src" / "image"
    yield "go", standard
    yield "x-image", pathlib.Path(output("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/image")) / "testdata"
    for name, package in ("pillow", "pillow"), ("libjpeg-turbo", "libjpeg-turbo"), ("libpng", "libpng1.6"):
        yield name, pathlib.Path(output("./corpora.sh", "path", package))


def describe(path):
    """The upright picture's size and sum."""
    if path.name == "testorig12.jpg":
        pixels = imagecodecs.jpeg_decode(path.read_bytes())
        return f"{pixels.shape[1]} {pixels.shape[0]} {zlib.crc32((pixels >> 4).astype(np.uint8).tobytes()):08x} JPEG"
    with Image.open(path) as image:
        if image.width * image.height > 120_000_000:
            raise ValueError("too large")
        image.load()
        if image.format == "PPM" and image.mode in "IF":  # as in make_plain.py
            samples = np.asarray(image).astype(float)
            low, high = (0, 65535) if image.mode == "I" else (samples.min(), samples.max())
            image = Image.fromarray(np.rint((samples - low) / (high - low) * 255).astype(np.uint8))
        if image.mode.startswith("I;16"):  # as in make_golden.py: the high byte is kept
            image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    return f"{upright.width} {upright.height} {zlib.crc32(upright.tobytes()):08x} {image.format or 'PNG'}"


def too_long(*_):
    raise TimeoutError("takes too long")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_long)
    lines = []
    for corpus, folder in corpora():
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.suffix in (".go", ".sng") or " " in str(path.relative_to(folder)):
                continue
            signal.alarm(20)
            try:
                what = describe(path)
            except Exception as error:
                what = f"0 0 - {type(error).__name__}"
            signal.alarm(0)
            lines.append(f"{corpus} {path.relative_to(folder)} {what}\n")
    (HERE / "corpora.txt").write_text("".join(lines))
    print(len(lines), "files")
