#!/usr/bin/env bash
# pillow 13.0.0: the pixels of an APNG's frame depend on whether the frame before it was loaded.
#
# One would guess: seek(i) and load() give frame i, however the frames before it were visited; and a frame that is
# to be cleared to what was there before it (dispose_op 2, PREVIOUS) is gone from the next one.
# What happens: if that frame is blended (blend_op 1, OVER) and was loaded, it stays in the next frame for good. If it
# was only passed over by seek, it is cleared. So ImageSequence.Iterator, which everybody uses to read all frames, and
# seek(i) of a newly opened file give different pixels for the same i: with the file below, the third frame has 16 red
# pixels or none. The specification of APNG wants none.
# Who is hurt: data sets of frames made by iterating over animations, and tests that compare a loop with a single seek.
# Remedy: open the file anew for each frame and seek to it, or compose the frames of such files by another program.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib

from PIL import Image, ImageSequence


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pixels(width, height, rgba):
    return zlib.compress((b"\0" + bytes(rgba) * width) * height)


def frame(number, width, height, x, y, dispose, blend):
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, x, y, 1, 10, dispose, blend))


# White, then a red square of 4x4 over it that is to be taken away again, then a blue one elsewhere.
data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 12, 12, 8, 6, 0, 0, 0))
data += chunk(b"acTL", struct.pack(">II", 3, 0))
data += frame(0, 12, 12, 0, 0, 0, 0) + chunk(b"IDAT", pixels(12, 12, (255, 255, 255, 255)))
data += frame(1, 4, 4, 2, 2, 2, 1) + chunk(b"fdAT", struct.pack(">I", 2) + pixels(4, 4, (255, 0, 0, 255)))
data += frame(3, 3, 3, 8, 8, 0, 1) + chunk(b"fdAT", struct.pack(">I", 4) + pixels(3, 3, (0, 0, 255, 255)))
data += chunk(b"IEND", b"")


def red(image):
    raw = image.convert("RGB").tobytes()
    return sum(raw[i : i + 3] == b"\xff\0\0" for i in range(0, len(raw), 3))


iterated = [red(f) for f in ImageSequence.Iterator(Image.open(io.BytesIO(data)))]
sought = []
for i in range(3):
    image = Image.open(io.BytesIO(data))
    image.seek(i)
    sought.append(red(image))
print("red pixels of the three frames, read one after another:", iterated)
print("red pixels of the three frames, each sought in a newly opened file:", sought)
assert sought == [0, 16, 0] and iterated == [0, 16, 16], "it changed"
PYTHON
