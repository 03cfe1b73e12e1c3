#!/usr/bin/env bash
# numpy 2.4.6: the mean of each colour of a few hundred float32 pictures stops growing, and is too small.
#
# One would guess: pictures.mean(axis=(0, 1, 2)), by which the mean and the deviation for normalizing a data set are computed, is as exact
# as pictures.mean(), which adds up in pairs, and as the means of the same pictures with the colours first.
# What happens, without an error or a warning: where colours are the last axis, the sums of all pixels are kept in floats of 32 bits, one
# pixel after another. From 2^24 times a value on, adding another changes nothing: of 400 white pictures of 224 by 224, each colour has the
# mean 0.836 and the deviation 0.16, and of 1,000 the mean 0.334. Of noise from 0 to 1, the mean of 1,000 is a third too small. With
# colours as the second axis, or as one number, all is well; up to 300 pictures, too.
# The documentation of mean says that float32 can be inaccurate, and shows an error of 0.00005; that of std says the same.
# Who is hurt: those who compute normalization, or mean features and their variances over many rows, from float32: networks get other inputs
# than they were trained with, and the more pictures there are the worse it becomes, so that a sample looks right.
# Remedy: dtype=np.float64 in mean and std.
# Seen on 2026-12-01.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np

size = 224
for count, stopped in ((300, False), (400, True), (1000, True)):
    pictures = np.ones((count, size, size, 3), np.float32)
    pixels = count * size * size
    mean, exact = pictures.mean(axis=(0, 1, 2)), pictures.mean(axis=(0, 1, 2), dtype=np.float64)
    print(f"{count} white pictures: each colour has the mean {mean[0]:.4f}, all together {pictures.mean():.4f}, with float64 {exact[0]:.4f}")
    assert (exact == 1).all() and pictures.mean() == 1
    assert np.allclose(mean, 2**24 / pixels if stopped else 1, atol=1e-6), "it changed"
    if count == 400:
        deviation = pictures.std(axis=(0, 1, 2))
        print(f"their deviation is {deviation[0]:.4f}, with float64 {pictures.std(axis=(0, 1, 2), dtype=np.float64)[0]:.4f}")
        assert (deviation > 0.1).all(), "it changed"
        first = np.ones((count, 3, size, size), np.float32)
        assert (first.mean(axis=(0, 2, 3)) == 1).all()
        del first
    del pictures

noise = np.tile(np.random.default_rng(7).random((1 << 20, 3), np.float32), (48, 1))
mean, exact = noise.mean(axis=0), noise.mean(axis=0, dtype=np.float64)
print(f"noise of {len(noise):,} pixels: the mean is {mean.round(4)}, with float64 {exact.round(4)}")
assert (mean < 0.9 * exact).all(), "it changed"
PYTHON
