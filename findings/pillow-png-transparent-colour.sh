#!/usr/bin/env bash
# pillow 13.0.0: the transparent colour of PNGs with 2, 4 and 16 bits a sample is opaque, and other pixels are transparent.
#
# One would guess: a PNG without alpha whose chunk tRNS names one colour as transparent is transparent there, whatever its depth, as
# with 8 bits: PNG's specification wants all pixels of exactly that sample to be so, and all others to be opaque.
# What happens, without an error or a warning, in convert("RGBA") and convert("LA"):
#   1. Grey of 2 and 4 bits: samples are scaled to 8 bits when they are read, but the transparent one is not. White, sample 3 of
#      2 bits, is 255, and 3 is looked for: nothing is transparent, unless it is black. 1 bit is right.
#   2. Grey of 16 bits: samples are cut off at 255, and the low byte of the transparent one is looked for. If that is white, 65535, all
#      from 255 on are transparent; if it is 256, black is; if it is 1000, nothing of that grey.
#   3. Colours of 16 bits: their high bytes are compared with 16 bits: nothing is transparent.
# Who is hurt: those who put icons, plots, maps and masks onto a background: tools that make PNGs small turn alpha into one such colour
# and few bits, and the background of the picture is then white or black, instead of what was asked for; cutting out by alpha finds
# nothing, or the whole picture.
# Remedy: set im.info["transparency"] before convert(): times 85 of 2 bits and 17 of 4; read 16 bits with another program.
# Seen on 2026-12-01, with NumPy 2.4.6, beside pypng 0.20220715.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 pypng==0.20220715.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib

import numpy as np
import png
from PIL import Image


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def picture(bits, pixels, transparent):
    """One row of grey, or of colours if pixels have three samples."""
    colours = len(np.shape(pixels)) == 2
    samples = "".join(f"{sample:0{bits}b}" for sample in np.ravel(pixels))
    row = int(samples.ljust(-len(samples) % 8 + len(samples), "0"), 2).to_bytes(-(-len(samples) // 8), "big")
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(pixels), 1, bits, 2 * colours, 0, 0, 0))
            + chunk(b"tRNS", b"".join(struct.pack(">H", s) for s in np.ravel(transparent)))
            + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b""))


def check(name, bits, pixels, transparent, seen):
    wanted = [0 if np.array_equal(p, transparent) else 255 for p in pixels]
    file = picture(bits, pixels, transparent)
    rows = list(png.Reader(bytes=file).asRGBA()[2])[0]
    assert [255 * (a > 0) for a in rows[3::4]] == wanted
    alpha = np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))[0, :, 3].tolist()
    print(f"{name}, {transparent} is transparent: alpha is to be {wanted}, and is {alpha}")
    assert alpha == seen, "it changed"


check("grey of 1 bit", 1, [0, 1], 1, [255, 0])
check("grey of 8 bits", 8, [0, 200, 255], 200, [255, 0, 255])
check("colours of 8 bits", 8, [[1, 2, 3], [1, 2, 4]], [1, 2, 4], [255, 0])
# 1.
for bits in (2, 4):
    largest = 2 ** bits - 1
    check(f"grey of {bits} bits", bits, [0, 1, largest], 0, [0, 255, 255])
    for transparent in (1, largest):
        check(f"grey of {bits} bits", bits, [0, 1, largest], transparent, [255, 255, 255])
# 2.
for transparent, seen in ((65535, [255, 255, 0, 0]), (256, [0, 255, 255, 255]), (1000, [255] * 4)):
    check("grey of 16 bits", 16, [0, 254, 1000, 65535], transparent, seen)
# 3.
check("colours of 16 bits", 16, [[4660, 4369, 8738], [4661, 4369, 8738]], [4660, 4369, 8738], [255, 255])
PYTHON
