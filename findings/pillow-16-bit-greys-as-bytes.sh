#!/usr/bin/env bash
# pillow 13.0.0: rotating, pasting and counting 16-bit greys work on single bytes of half the picture, and resizing on some.
#
# One would guess: pictures in mode I;16, which is how Pillow opens PNGs and TIFFs of 16-bit grey, are rotated, pasted and counted
# like others, or refused with "image has wrong mode", as blurs and ImageChops refuse them.
# What happens, without an error or a warning:
#   1. rotate() and transform() with BILINEAR or BICUBIC take the bytes of the left half of each row for its pixels: low and high
#      bytes stand side by side, and nothing is above 255. NEAREST is right.
#   2. paste() and composite() with a mask of mode L go over the left half of each row, and blend low and high bytes apart: a
#      mask of 255 throughout pastes half of the picture. In modes I and F, too, bytes are blended apart: halfway between
#      300,000 and 100,000 is 167,104.
#   3. ImageStat.Stat() and histogram() count the bytes of the left half of each row.
#   4. TIFFs in big-endian order open as I;16B, of which resize() and thumbnail() make noise with all filters that smooth, and
#      convert("I;16") stops at 255.
# Who is hurt: those who train on depth maps, X-rays and microscopy of 16 bits: augmentation by rotation leaves noise that is nearly
# black, and normalizing by ImageStat is off by a factor of hundreds.
# Remedy: convert("I") or convert("F") before rotate, transform and resize, and NumPy for masks and statistics.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image, ImageStat
from PIL.Image import Resampling, Transform

size = 32
samples = np.random.default_rng(7).integers(20000, 45000, (size, size), dtype=np.uint16)
Image.fromarray(samples).save("x.png")
tifffile.imwrite("little.tif", samples)
tifffile.imwrite("big.tif", samples, byteorder=">")
image, big = Image.open("x.png"), Image.open("big.tif")
assert image.mode == "I;16" and big.mode == "I;16B"
assert all((np.asarray(Image.open(name)) == samples).all() for name in ("x.png", "little.tif", "big.tif"))
left = samples.astype("<u2").view(np.uint8).reshape(size, 2 * size)[:, :size]  # the bytes of the left half

whole = (0, 0, size, size)
for filter in (Resampling.NEAREST, Resampling.BILINEAR, Resampling.BICUBIC):
    same = np.asarray(image.transform(image.size, Transform.EXTENT, whole, filter))
    turned, reference = (np.asarray(i.rotate(10, filter)).astype(float) for i in (image, image.convert("F")))
    print(f"{filter.name}: transform that changes nothing {samples[0, :3]} -> {same[0, :3]}, the largest after rotate(10) is {turned.max():.0f}")
    if filter == Resampling.NEAREST:
        assert (same == samples).all() and (turned == reference).all()
    else:
        assert (same == left).all() and turned.max() < 256 < reference.max(), "it changed"
        assert (np.asarray(image.convert("I").transform(image.size, Transform.EXTENT, whole, filter)) == samples).all()

black = Image.new("I;16", image.size)
pasted = black.copy()
pasted.paste(image, (0, 0), Image.new("L", image.size, 255))
pasted = np.asarray(pasted)
print(f"paste with a mask of 255: {100 * (pasted != samples).mean():.0f} % of the pixels are missing")
assert (pasted[:, : size // 2] == samples[:, : size // 2]).all() and (pasted[:, size // 2 :] == 0).all(), "it changed"
assert (np.asarray(Image.composite(image, black, Image.new("L", image.size, 255))) == pasted).all(), "it changed"
half = Image.new("L", image.size, 128)
between = {mode: Image.composite(*(Image.new(mode, image.size, v) for v in (100_000, 300_000)), half).getpixel((0, 0)) for mode in "IF"}
print(f"halfway between 300000 and 100000: {between}")
assert between["I"] == 167_104 and abs(between["F"] - 200_000) > 10_000, "it changed"

mean = ImageStat.Stat(image).mean[0]
print(f"mean by ImageStat {mean:.1f}, by NumPy {samples.mean():.1f}")
assert np.isclose(mean, left.mean()) and image.histogram() == np.bincount(left.ravel(), minlength=256).tolist(), "it changed"

half_size = (size // 2, size // 2)
for filter in Resampling:
    one, other = (np.asarray(i.resize(half_size, filter)).astype(int) for i in (big, Image.open("little.tif")))
    reference = np.clip(np.asarray(image.convert("F").resize(half_size, filter)), 0, 65535)
    print(f"resize by {filter.name}: {100 * (abs(one - reference) > 100).mean():.0f} % wrong in big-endian order, {100 * (abs(other - reference) > 100).mean():.0f} % in little")
    assert (abs(other - reference) <= 100).all()
    assert (abs(one - reference) > 100).any() == (filter != Resampling.NEAREST), "it changed"
assert (np.asarray(big.convert("I;16")) == 255).all() and (np.asarray(big.convert("I")) == samples).all(), "it changed"
PYTHON
