#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: imread gives TIFFs of 16 bits in planes and WhiteIsZero wrong, and 8 bits with alpha.
#
# One would guess: a picture is the same whether its file has 8 or 16 bits a sample, in planes or interleaved; and
# IMREAD_UNCHANGED leaves the samples of a TIFF with alpha alone, as it does those of a PNG.
# What happens, without an error or a warning, with IMREAD_UNCHANGED:
#   1. Of 16-bit colours in planes (PlanarConfiguration 2) red alone is read, and three neighbours in it are taken for the red,
#      green and blue of one pixel: three rows of red stand side by side as one, green and blue are lost, and nothing of the
#      picture is in the lower two thirds of a strip. Integers of 32 bits and floats are as bad. 8 bits are right, and so is 16
#      with IMREAD_COLOR, which makes 8 of them.
#   2. WhiteIsZero of 16 bits is a negative. Of 8 bits it is turned into what it shows, and so is 16 by IMREAD_GRAYSCALE.
#   3. Colours beside unassociated alpha of 8 bits are multiplied by it: what is transparent turns black for good. Of 16 bits
#      they are left alone.
# Who is hurt: microscopy and remote sensing, whose programs write planes of 16 bits; X-rays and scans as WhiteIsZero; and
# trainers who drop or blend the alpha themselves, and then have it twice.
# Remedy: read TIFFs with tifffile, and take photometric and extrasamples into account oneself.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6 tifffile==2026.3.3
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import tifffile


def imread(flag=cv2.IMREAD_UNCHANGED):
    """What OpenCV reads, in the order red, green, blue, alpha."""
    image = cv2.imread("x.tif", flag)
    return image if image.ndim == 2 else image[..., [2, 1, 0, 3][: image.shape[2]]]


def write(samples, **options):
    tifffile.imwrite("x.tif", samples, **options)
    assert (tifffile.imread("x.tif") == samples).all()


rng = np.random.default_rng(7)
deep = rng.integers(1, 65536, (24, 30, 4))
for kind in ("uint8", "uint16", "int32", "float32"):
    colours = (deep[..., :3] >> (8 if kind == "uint8" else 0)).astype(kind)
    write(colours, photometric="rgb")
    assert (imread() == colours).all(), "it changed"
    write(np.moveaxis(colours, 2, 0), photometric="rgb", planarconfig="separate")
    seen = imread()
    print(f"planes of {kind}: {100 * (seen != colours).mean():.0f} % of the samples are wrong")
    if kind == "uint8":
        assert (seen == colours).all(), "it changed"
        continue
    red = colours[..., 0].ravel()
    assert seen.dtype == kind and (seen.ravel()[: red.size] == red).all() and (seen != colours).mean() > 0.9, "it changed"
    if kind == "uint16":
        assert np.abs(imread(cv2.IMREAD_COLOR).astype(int) - (colours >> 8)).max() <= 1, "it changed"

grey = deep[..., 0].astype(np.uint16)
for kind, samples in (("uint8", (grey >> 8).astype(np.uint8)), ("uint16", grey)):
    write(samples, photometric="miniswhite")
    shown = np.iinfo(kind).max - samples
    seen = imread()
    print(f"WhiteIsZero of {kind}: {samples[0, 0]}, which shows {shown[0, 0]}, is read as {seen[0, 0]}")
    assert (seen == (shown if kind == "uint8" else samples)).all(), "it changed"
    assert np.abs(imread(cv2.IMREAD_GRAYSCALE) - (shown >> (0 if kind == "uint8" else 8)).astype(int)).max() <= 1, "it changed"

for kind in ("uint8", "uint16"):
    samples = (deep >> (8 if kind == "uint8" else 0)).astype(kind)
    samples[0, 0, 3] = 0
    write(samples, photometric="rgb", extrasamples=["unassalpha"])
    seen = imread()
    multiplied = samples[..., :3] * (samples[..., 3:] / 255)
    print(f"unassociated alpha of {kind}: {samples[0, 0]} is read as {seen[0, 0]}, {samples[0, 1]} as {seen[0, 1]}")
    assert (seen[..., 3] == samples[..., 3]).all()
    assert np.abs(seen[..., :3] - (multiplied if kind == "uint8" else samples[..., :3].astype(float))).max() < 1, "it changed"
cv2.imwrite("x.png", samples8 := (deep >> 8).astype(np.uint8))
assert (cv2.imread("x.png", cv2.IMREAD_UNCHANGED) == samples8).all()
PYTHON
