#!/usr/bin/env bash
# numkong 7.8.6: with AVX-512, the Jensen-Shannon distance of histograms that have nothing in common is 0.
#
# One would guess: jensenshannon() and cdist(..., "jensenshannon") are equivalent to scipy.spatial.distance.jensenshannon, as the
# documentation says, on every processor: 0 for equal distributions, and the root of log 2, 0.833, for those without overlap.
# What happens, without an error, where the processor has AVX-512: bins in which one of the two has 0 are left out altogether, and
# with them their share of the distance. Histograms without overlap are as near to each other as each to itself; all others with
# empty bins are too near. So it is in float64, float32 and float16. By its kernels for AVX2, and by portable C, it is right, so
# that the same program has other results on another machine.
# Who is hurt: those who search images by histograms of colours, words or topics, whose bins are mostly empty: what has least in
# common with the query comes first, and tests on a laptop do not show it.
# Remedy: numkong.disable_capability("skylake"), or add a small number to all bins and normalize again.
# Seen on 2026-11-30, with SciPy 1.17.1 and NumPy 2.4.6, on a processor with AVX-512, without which this script cannot show it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numkong==7.8.6 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import math

import numkong
import numpy as np
from scipy.spatial.distance import jensenshannon

if not numkong.get_capabilities()["skylake"]:
    raise SystemExit("this processor has no AVX-512")

rng = np.random.default_rng(7)
dark, bright = np.zeros(64), np.zeros(64)
dark[:32], bright[32:] = rng.random(32), rng.random(32)
histograms = [h / h.sum() for h in (dark, bright, rng.random(64), rng.random(64))]
pairs = {"dark, bright": (0, 1), "dark, full": (0, 2), "full, full": (2, 3), "dark, dark": (0, 0)}


def distance(p, q):
    """By the definition, with 0 log 0 = 0."""
    m = (p + q) / 2
    terms = [v * np.log(v / n) for a in (p, q) for v, n in zip(a, m) if v > 0]
    return math.sqrt(max(0, sum(terms) / 2))


def common(p, q):
    """Of the bins alone that both have."""
    both = (p > 0) & (q > 0)
    return distance(p[both], q[both])


def measure(kind):
    return {name: float(numkong.jensenshannon(histograms[i].astype(kind), histograms[j].astype(kind))) for name, (i, j) in pairs.items()}


wanted = {name: distance(histograms[i], histograms[j]) for name, (i, j) in pairs.items()}
assert all(math.isclose(wanted[name], jensenshannon(histograms[i], histograms[j]), abs_tol=1e-9) for name, (i, j) in pairs.items())
assert math.isclose(wanted["dark, bright"], math.sqrt(math.log(2)))
kinds = (np.float64, np.float32, np.float16)
seen = {kind: measure(kind) for kind in kinds}
matrix = np.stack(histograms)
nearest = np.asarray(numkong.cdist(matrix, matrix, "jensenshannon"))[0].argsort(kind="stable")
numkong.disable_capability("skylake")
remedied = {kind: measure(kind) for kind in kinds}
for name in pairs:
    print(f"{name}: {seen[np.float32][name]:.3f} instead of {wanted[name]:.3f}; without AVX-512 {remedied[np.float32][name]:.3f}")
print(f"the nearest to the dark one: {nearest.tolist()}")
for kind in kinds:
    for name, (i, j) in pairs.items():
        assert math.isclose(remedied[kind][name], wanted[name], abs_tol=2e-3), "it changed"
        assert math.isclose(seen[kind][name], common(histograms[i], histograms[j]), abs_tol=2e-3), "it changed"
assert seen[np.float32]["dark, bright"] < 1e-3 and set(nearest[:2].tolist()) == {0, 1}, "it changed"
PYTHON
