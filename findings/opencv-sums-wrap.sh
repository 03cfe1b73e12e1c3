#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: mean() and sumElems() of 32-bit integers wrap, blur() does, and 64 bits are cut to 32.
#
# One would guess: mean() and sumElems(), which return floats of 64 bits, add up in such a float, and say the same with a mask
# of the whole image as without; blur() of equal values gives that value; and NumPy's int64, which OpenCV 5 has a type for
# (CV_64S), keeps its values or is refused.
# What happens, without an error:
#   1. mean() and sumElems() without a mask add up some values of int32 and uint32 in 32 bits. The mean of four times 2^30 is 0,
#      with a mask 2^30. Of uint32 from 0 to 2^32 the mean is about a quarter of what it should be. norm() and meanStdDev() are
#      right.
#   2. blur() and boxFilter() sum int32 in 32 bits: of an image of 10^9 throughout, a 3x3 blur makes 45,562,823. A result in
#      floats (CV_64F) does not help.
#   3. Arrays of int64 and uint64 lose their upper 32 bits: the largest of (2^32 + 5, 7) is 7, and resize() by the nearest pixel
#      returns int32.
# opencv-python-headless 4.14.0.94 does the same, but refuses uint32.
# Who is hurt: statistics of rasters, depths, radar and label images of 32 bits, of times and identifiers; and all
# who let NumPy choose its default type for integers.
# Remedy: astype("float64") before the call, NumPy's mean and sum, or for 1 a mask of ones.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

four = np.full((1, 4), 2**30, np.int32)
print(f"mean of four times 2^30: {cv2.mean(four)[0]:.0f}, with a mask {cv2.mean(four, np.ones((1, 4), np.uint8))[0]:.0f}")
assert cv2.mean(four)[0] == cv2.sumElems(four)[0] == 0, "it changed"

rng = np.random.default_rng(7)
for name, top in (("int32", 2**31), ("uint32", 2**32), ("int32", 2**26)):
    image = rng.integers(0, top, (64, 64)).astype(name)
    wanted = image.astype(float).mean()
    mask = np.ones(image.shape, np.uint8)
    plain, masked, deviation = cv2.mean(image)[0], cv2.mean(image, mask)[0], cv2.meanStdDev(image)[0][0, 0]
    print(f"{name} below {top}: mean {plain:.0f}, with a mask {masked:.0f}, by meanStdDev {deviation:.0f}, by NumPy {wanted:.0f}")
    assert np.allclose((masked, deviation, cv2.norm(image, cv2.NORM_L1) / image.size), wanted, rtol=1e-9), "it changed"
    assert np.isclose(cv2.sumElems(image)[0] / image.size, plain)
    assert np.isclose(plain, wanted, rtol=1e-9) == (top == 2**26), "it changed"
    if name == "uint32":
        assert plain < wanted / 2, "it changed"

flat = np.full((9, 9), 10**9, np.int32)
wrapped = (9 * 10**9 + 2**31) % 2**32 - 2**31  # what is left of the sum in 32 bits
blurred, floats = cv2.blur(flat, (3, 3)), cv2.boxFilter(flat, cv2.CV_64F, (3, 3))
print(f"3x3 blur of 1000000000 throughout: {np.unique(blurred)}, as floats {np.unique(floats)}")
assert np.allclose(blurred, wrapped / 9, rtol=1e-6) and np.allclose(floats, wrapped / 9, rtol=1e-6), "it changed"
assert np.allclose(cv2.blur(flat.astype(float), (3, 3)), 10**9)

for name in ("int64", "uint64"):
    wide = np.array([[2**32 + 5, 7]], name)
    nearest = cv2.resize(wide, (2, 1), interpolation=cv2.INTER_NEAREST)
    print(f"{name} {wide.tolist()}: largest {cv2.minMaxLoc(wide)[1]:.0f}, resized to the same size {nearest.tolist()}, {nearest.dtype}")
    assert cv2.minMaxLoc(wide)[1] == 7 and nearest.tolist() == [[5, 7]] and nearest.dtype == np.int32, "it changed"
PYTHON
