#!/usr/bin/env bash
# pillow 13.0.0: an uncompressed TIFF with 16-bit colours in planes is read without an error, with wrong pixels.
#
# One would guess: Pillow has no mode for 16-bit RGB, so it keeps the high byte of each sample, as it does for the same
# image with interleaved samples, or refuses the file.
# What happens: the bytes of each plane are taken for samples of 8 bits, one after another: low and high bytes stand side by
# side as neighbouring pixels, each row is half a row of the picture, and its lower half is missing. The same
# image with interleaved samples, and the same planes with 8 bits, are right.
# Who is hurt: microscopy and remote sensing, whose programs write planes (PlanarConfiguration 2) of 16 bits: thumbnails,
# and data sets converted by Image.open(...).convert("RGB"), are noise.
# Remedy: read such files with tifffile, or write them with planarconfig="contig".
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

rng = np.random.default_rng(7)
picture = rng.integers(0, 65536, (24, 32, 3), dtype=np.uint16)
seen = {}
for bits, samples in ((16, picture), (8, (picture >> 8).astype(np.uint8))):
    for planes in (False, True):
        data = np.moveaxis(samples, 2, 0) if planes else samples
        tifffile.imwrite("x.tif", data, photometric="rgb", planarconfig="separate" if planes else "contig")
        assert (np.asarray(tifffile.imread("x.tif")) == data).all()
        pillow = np.asarray(Image.open("x.tif").convert("RGB"))
        wrong = (pillow != (picture >> 8)).mean()
        if bits == 16 and planes:
            stored = np.moveaxis(samples, 2, 0).copy().view(np.uint8).reshape(3, -1)[:, : 24 * 32]
            assert (np.moveaxis(pillow, 2, 0).reshape(3, -1) == stored).all(), "it changed"
        name = f"{bits} bits, {'planes' if planes else 'interleaved'}"
        seen[name] = bool(wrong)
        print(f"{name}: {pillow.shape[1]}x{pillow.shape[0]} pixels, {100 * wrong:.0f} % of the values differ from the high bytes")
assert [name for name, wrong in seen.items() if wrong] == ["16 bits, planes"], "it changed"
PYTHON
