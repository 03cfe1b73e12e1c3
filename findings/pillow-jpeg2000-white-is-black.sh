#!/usr/bin/env bash
# pillow 13.0.0 (with OpenJPEG 2.5.4): in JPEG 2000 with more than 8 bits, white is read as black.
#
# One would guess: Pillow has no mode for colours of more than 8 bits, so it keeps the highest 8 bits of each sample, as it
# does for PNG, and white stays white.
# What happens: it rounds to the nearest of 256 levels, and does not stop at 255. Samples in the upper half of the last level
# become 256, which a byte holds as 0: white paper, clouds and highlights are black, each colour for itself, and an
# opacity of 100 % is 0. There is no error and no warning. Colours and opacities of 9 to 16 bits are hit, in files and in
# bare codestreams; grey alone from 10 bits on is right, since that has a mode of 16 bits.
# Who is hurt: libraries that archive scans of 48 bits, digital cinema (12 bits), satellite images (10 to 15 bits): thumbnails,
# and data sets converted by Image.open(...).convert("RGB"), have black holes where the image is brightest.
# Remedy: read such files with imagecodecs or glymur, and scale the samples oneself.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
from PIL import Image

for bits in (9, 10, 12, 16):
    top = 2**bits - 1
    ramp = np.linspace(0, top, 1 << 9).round().astype(np.uint16)
    for name, samples in (("RGB", 3), ("RGB and opacity", 4), ("grey and opacity", 2)):
        picture = np.repeat(np.tile(ramp, (8, 1))[:, :, None], samples, axis=2)
        data = imagecodecs.jpeg2k_encode(picture, level=0, codecformat="jp2", bitspersample=bits, mct=False)
        assert (imagecodecs.jpeg2k_decode(data) == picture).all()
        pillow = np.asarray(Image.open(io.BytesIO(data)))
        rounded = (picture.astype(int) + (1 << (bits - 9))) >> (bits - 8)
        assert pillow.dtype == np.uint8 and pillow.shape == picture.shape
        assert (pillow == rounded % 256).all() and rounded.max() == 256, "it changed"
        print(f"{name}, {bits} bits: {top} of {top} is read as {pillow[0, -1].tolist()}")
assert np.asarray(Image.open(io.BytesIO(imagecodecs.jpeg2k_encode(picture[:, :, 0].copy(), level=0)))).max() == 65535
print("grey alone, 16 bits: 65535 is read as 65535")
PYTHON
