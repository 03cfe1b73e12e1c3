#!/usr/bin/env bash
# numpy 2.4.6: quantiles of integers with a sign lie outside of the data where two neighbours are far apart.
#
# One would guess: percentile(x, 50) is median(x), lies between the smallest and the largest value, and is at most percentile(x, 75). The
# documentation says that the result is float64 where the input is integers.
# What happens: between two neighbours a and b, b - a is computed in the type of the input, and wraps. The median of -100 and 100 in int8 is
# 128, which int8 does not even hold; the quartiles are -114 and 114 instead of -50 and 50. So it is with
# int16, int32 and int64, by percentile, quantile, nanpercentile and nanquantile, and by all methods that interpolate. NumPy warns if a
# single number is computed, and is silent if there are several quantiles, or an axis. median() is right, and so are bytes without a sign.
# NumPy's pull request 30376, which is open, mentions the wrong medians.
# Who is hurt: those who compute medians and quartiles of few values for each row or column: votes of a few networks in int8, quantized
# features of a small class, differences of int16 pictures and audio at full scale. Most columns are right.
# Remedy: astype(np.float64) before.
# Seen on 2026-12-01.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np

warnings.simplefilter("error")  # none below
quarters = [0.25, 0.5, 0.75]
for kind in (np.int8, np.int16, np.int32, np.int64):
    top = np.iinfo(kind).max
    pair = np.array([-(top - top // 8), top - top // 8], kind)
    seen, exact = np.quantile(pair, quarters), np.quantile(pair.astype(np.float64), quarters)
    print(f"{kind.__name__}: the quartiles of {pair[0]} and {pair[1]} are {seen.tolist()} instead of {exact.tolist()}")
    assert seen.dtype == np.float64 and np.median(pair) == exact[1] == 0
    assert seen[0] < pair[0] and seen[1] > pair[1], "it changed"
assert np.quantile(np.array([0, 200], np.uint8), quarters).tolist() == [50, 100, 150]

# Four networks' scores of 1,000 pictures, quantized: a column has four values.
scores = np.clip(np.rint(np.random.default_rng(7).normal(size=(4, 1000)) * 60), -127, 127).astype(np.int8)
seen, exact = np.quantile(scores, quarters, axis=0), np.quantile(scores.astype(np.float64), quarters, axis=0)
wrong = (seen != exact).any(axis=0)
outside = ((seen < scores.min(axis=0)) | (seen > scores.max(axis=0))).any(axis=0)
print(f"of 1,000 columns {wrong.sum()} have wrong quartiles, {outside.sum()} outside of their values, by up to {np.abs(seen - exact).max():.0f}")
assert (exact[1] == np.median(scores, axis=0)).all()
assert wrong.sum() > 20 and outside.any() and (seen[0] > seen[1]).any(), "it changed"
for method in ("linear", "hazen", "weibull", "median_unbiased", "normal_unbiased", "midpoint"):
    found = np.quantile(scores, 0.5, axis=0, method=method)
    assert (found != np.quantile(scores.astype(np.float64), 0.5, axis=0, method=method)).any(), "it changed"

warnings.simplefilter("ignore")
assert (np.nanquantile(scores, 0.5, axis=0) != exact[1]).any(), "it changed"
PYTHON
