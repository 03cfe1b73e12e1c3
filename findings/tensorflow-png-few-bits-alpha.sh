#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 (and 2.18.1): decode_png gives opaque pictures of 1, 2 and 4 bits an alpha of 1, 3 and 15.
#
# One would guess: with channels=4, a PNG without transparency is opaque: alpha is 255 everywhere, as it is for grey
# and colours of 8 bits, and as Pillow's convert("RGBA") says.
# What happens: for grey PNGs of 1, 2 and 4 bits a sample, and for palettes of so many bits, alpha is 1, 3 and 15: the
# largest sample of the file's depth, not scaled to 8 bits as the colours are. 16 bits, read as uint8, have 255.
# Who is hurt: input pipelines that read all pictures with four channels and blend them with a background: scans,
# masks and icons of few bits come out as the background, 94 to 99.6 percent of it, without an error.
# Remedy: read such files with channels=3, or take alpha as 255 unless the file has a tRNS chunk.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 pillow==12.0.0
cd "$work"
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib

import numpy as np
import tensorflow as tf
from PIL import Image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(bits, colour, *before):
    """8x8 pixels: a ramp of the samples that so many bits can hold, in each row."""
    channels = {0: 1, 2: 3, 3: 1}[colour]
    if bits >= 8:
        row = b"".join(bytes([32 * x] * (channels * bits // 8)) for x in range(8))
    else:
        number = 0
        for x in range(8):
            number = number << bits | x * ((1 << bits) - 1) // 7
        row = number.to_bytes(bits, "big")
    head = struct.pack(">IIBBBBB", 8, 8, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(before) + chunk(b"IDAT", zlib.compress((b"\0" + row) * 8)) + chunk(b"IEND", b"")


palette = lambda bits: chunk(b"PLTE", b"".join(bytes([255 * i // ((1 << bits) - 1)] * 3) for i in range(1 << bits)))
files = {f"grey, {bits} bits": png(bits, 0) for bits in (1, 2, 4, 8, 16)}
files |= {f"palette, {bits} bits": png(bits, 3, palette(bits)) for bits in (1, 2, 4, 8)}
files["colours, 8 bits"] = png(8, 2)
seen = {}
for name, data in files.items():
    pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    ours = tf.io.decode_png(data, channels=4).numpy()
    assert (pillow[..., 3] == 255).all(), name
    if "16" not in name:
        assert (pillow[..., :3] == ours[..., :3]).all(), name
    seen[name] = sorted(set(ours[..., 3].ravel().tolist()))
    print(f"{name}: alpha {seen[name]}, by Pillow [255]")
expected = {name: [255] for name in files}
for bits, alpha in ((1, 1), (2, 3), (4, 15)):
    expected[f"grey, {bits} bits"] = expected[f"palette, {bits} bits"] = [alpha]
assert seen == expected, "it changed"
PYTHON
