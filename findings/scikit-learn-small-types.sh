#!/usr/bin/env bash
# scikit-learn 1.9.1: half floats and integers give other results than the same numbers in float64, without a warning.
#
# One would guess: scikit-learn turns numbers into a type in which its sums fit, as most of it does: cosine_similarity,
# mean_absolute_error and mean_squared_error are right for the same values.
# What happens, with numbers that the types hold exactly:
#   1. normalize() and Normalizer add the squares of half floats up in half floats. Above 65504 the length is infinite, and the
#      vector becomes 0: so do 4,096 features of 5. The same vectors in float32, and sparse, are right.
#   2. max_error and median_absolute_error of bytes (uint8) subtract modulo 256: values that are 2 too high or too low give 254
#      or 2, and which of the two depends on the order of the arguments. auc() wraps round as well: a square of 200 by 200 has
#      the area 64.
#   3. AdditiveChi2Sampler of integers stores roots and cosines in integers: of its 9 results for (1, 2, 3), 7 become 0, and the
#      other two 1. Counts, from histograms and bags of words, are what it is made for.
# Who is hurt: those who keep features as half floats, pixels and masks as bytes, and histograms as counts: a vector of zeros
# is as near to one image as to any other, the largest error of a picture is 255 or 1, and what histograms say is lost.
# Remedy: astype(np.float32) or float64 before each of them.
# Seen on 2026-11-30, with NumPy 2.4.6 and SciPy 1.17.1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import math

import numpy as np
from sklearn.kernel_approximation import AdditiveChi2Sampler
from sklearn.metrics import auc, max_error, mean_absolute_error, mean_squared_error, median_absolute_error
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import Normalizer, normalize

# 1. 4096 * 5 * 5 = 102400 is the square of 320.
features = np.full((2, 4096), 5, np.float16)
half, single = normalize(features), normalize(features.astype(np.float32))
print(f"normalize: {single[0, 0]} from float32, {half[0, 0]} from float16")
assert (single == 5 / 320).all() and np.allclose(cosine_similarity(features), 1)
assert (half == 0).all() and (Normalizer().fit_transform(features) == 0).all(), "it changed"
assert (normalize(features[:, :2000]) > 0).all()  # 50000 is less than 65504

# 2. Differences of 2, and an area of 40000.
low, high = np.array([10, 20, 30], np.uint8), np.array([12, 22, 32], np.uint8)
for metric in (max_error, median_absolute_error):
    print(f"{metric.__name__}: {metric(low.astype(float), high.astype(float))} from float64,",
          f"{metric(low, high)} and {metric(high, low)} from uint8")
    assert metric(low.astype(int), high) == 2 == mean_absolute_error(low, high) and mean_squared_error(low, high) == 4
    assert {metric(low, high), metric(high, low)} == {2, 254}, "it changed"
x, y = np.array([0, 200], np.uint8), np.array([200, 200], np.uint8)
print(f"auc: {auc(x.astype(float), y.astype(float))} from float64, {auc(x, y)} from uint8")
assert auc(x.astype(int), y.astype(int)) == 200 * 200 and auc(x, y) == 200 * (200 + 200) % 256 / 2, "it changed"

# 3. sqrt(x h), and sqrt(2 x h / cosh(pi h)) times the cosine and sine of h log x, with the default's step h of 0.5.
counts = np.array([[1, 2, 3]])
values = [math.sqrt(n * 0.5) for n in (1, 2, 3)]
for part in (math.cos, math.sin):
    values += [math.sqrt(2 * n * 0.5 / math.cosh(math.pi * 0.5)) * part(0.5 * math.log(n)) for n in (1, 2, 3)]
real, whole = (AdditiveChi2Sampler().fit_transform(counts.astype(t))[0] for t in (float, int))
print(f"AdditiveChi2Sampler: {real.round(2)} from float64, {whole} from int64")
assert np.allclose(real, values)
assert whole.tolist() == [math.floor(v + 1e-9) for v in values] == [0, 1, 1, 0, 0, 0, 0, 0, 0], "it changed"
PYTHON
