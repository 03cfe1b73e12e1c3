#!/usr/bin/env bash
# scipy 1.17.1: the paired t-test, tmean and k-statistics of bytes and other small integers wrap round, without a warning.
#
# One would guess: statistics of integers are those of the same numbers in float64, as pearsonr, wilcoxon, ttest_ind, tvar, sem and
# most of scipy.stats give them, and as NumPy's mean does.
# What happens, with numbers that the types hold exactly:
#   1. ttest_rel() subtracts unsigned integers modulo 256 (65536, 2^32). Two regions whose means differ by 9 of 255 with p = 0.68
#      differ with t = 4.5 and p = 0.006; and one that is brighter by 2 comes out darker, with p = 0.0002.
#   2. tmean() without limits adds up in the type itself: the mean of six bytes around 133 is 5.3. tvar() and tstd() are right.
#   3. kstat(x, 2), an unbiased variance, and kstatvar() come out below 0.
# The documentation names no types, and says array_like of all three.
# Who is hurt: those who compare pictures, masks and counts pixel by pixel: what is significant is decided by how often a
# difference is below 0. scipy.spatial.distance's cosine() and euclidean() of bytes wrap, too; that is known since 2019.
# Remedy: astype(float) before.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import math

import numpy as np
from scipy import stats

x, y = np.array([250, 200, 3, 77, 180, 90], np.uint8), np.array([1, 255, 90, 77, 20, 200], np.uint8)


def paired(d):
    """t, by its definition."""
    return d.mean() / (d.std(ddof=1) / math.sqrt(len(d)))


# 1.
real, whole = stats.ttest_rel(x.astype(float), y.astype(float)), stats.ttest_rel(x, y)
print(f"ttest_rel: t = {real.statistic:.2f} and p = {real.pvalue:.3f} from float64, {whole.statistic:.2f} and {whole.pvalue:.3f} from uint8")
assert math.isclose(real.statistic, paired(x.astype(float) - y)) and real.pvalue > 0.6
assert math.isclose(whole.statistic, paired((x.astype(int) - y) % 256)) and whole.pvalue < 0.01, "it changed"
for kind in (np.uint16, np.uint32):
    wrapped = stats.ttest_rel(x.astype(kind), y.astype(kind))
    assert math.isclose(wrapped.statistic, paired((x.astype(int) - y) % (np.iinfo(kind).max + 1)), rel_tol=1e-6), "it changed"
assert math.isclose(stats.ttest_rel(x.astype(np.int16), y.astype(np.int16)).statistic, real.statistic)
a = np.array([100, 101, 99, 103, 100, 102, 98, 100, 101, 100], np.uint8)
b = a + np.array([1, 3, 2, 0, 2, 1, 3, 2, 255, 2], np.uint8)  # 255 is -1
real, whole = stats.ttest_rel(a.astype(float), b.astype(float)), stats.ttest_rel(a, b)
print(f"ttest_rel: t = {real.statistic:.1f} and p = {real.pvalue:.4f} from float64, {whole.statistic:.1f} and {whole.pvalue:.4f} from uint8")
assert real.statistic < -3 and whole.statistic > 5 and whole.pvalue < 0.001, "it changed"
for other in (stats.ttest_ind, stats.pearsonr, stats.wilcoxon):
    assert math.isclose(other(x, y).pvalue, other(x.astype(float), y.astype(float)).pvalue)

# 2.
print(f"tmean: {stats.tmean(x.astype(float)):.2f} from float64, {stats.tmean(x):.2f} from uint8")
assert math.isclose(stats.tmean(x.astype(float)), x.mean()) and math.isclose(stats.tvar(x), x.var(ddof=1))
assert math.isclose(stats.tmean(x), x.astype(int).sum() % 256 / 6), "it changed"

# 3.
values = np.arange(60, 124, dtype=np.uint8)
print(f"kstat: {stats.kstat(values.astype(float), 2):.1f} from float64, {stats.kstat(values, 2):.1f} from uint8")
assert math.isclose(stats.kstat(values.astype(float), 2), values.var(ddof=1))
assert stats.kstat(values, 2) < 0 and stats.kstatvar(values, 1) < 0 < stats.kstatvar(values.astype(float), 1), "it changed"
PYTHON
