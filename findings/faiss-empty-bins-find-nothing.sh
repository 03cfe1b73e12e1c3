#!/usr/bin/env bash
# faiss-cpu 1.15.1: by METRIC_Canberra and METRIC_JensenShannon, a histogram with empty bins finds nothing, not even itself.
#
# One would guess: both metrics are those of scipy.spatial.distance, as the documentation of METRIC_Canberra says ("some additional
# metrics defined in scipy.spatial.distance"): a bin that is empty in both histograms adds 0, and each histogram has the distance 0
# to itself. Jensen-Shannon is the square of SciPy's.
# What happens, without an error: 0 / 0 and 0 * log(0) are computed as they stand, and the distance is NaN as soon as two histograms
# have an empty bin in common (Canberra), or one of them has one (Jensen-Shannon). NaN is nearer than nothing, so that such a histogram
# is never found: search() gives -1 with the largest float, or others that lie further away.
# pairwise_distances() gives the NaN. Without zeros both are right, as is METRIC_BrayCurtis with them.
# Who is hurt: those who search images by histograms of colours or words, or topics, whose bins are mostly empty: neighbours are missing,
# most of all those that are most alike. A -1 as an index is the last row in NumPy.
# Remedy: add a small number to all bins and normalize again; or METRIC_L1, METRIC_BrayCurtis or METRIC_L2 of square roots (Hellinger).
# Seen on 2026-12-01, with SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check faiss-cpu==1.15.1 scipy==1.17.1 numpy==2.4.6
OMP_NUM_THREADS=1 "$work/venv/bin/python" - <<'PYTHON'
import faiss
import numpy as np
from scipy.spatial.distance import cdist

assert "scipy.spatial.distance" in open(faiss.swigfaiss.__file__).read()
# Five histograms of six bins: the first two are nearly the same, and the last one alone has no empty bin.
bins = np.array([[8, 4, 4, 0, 0, 0], [8, 4, 3, 1, 0, 0], [0, 1, 7, 8, 0, 0], [0, 0, 0, 0, 8, 8], [1, 2, 3, 3, 4, 3]], np.float32) / 16
filled = (bins + 1 / 64) / (1 + 6 / 64)
last = np.finfo(np.float32).max


def search(histograms, metric):
    index = faiss.IndexFlat(6, metric)
    index.add(histograms)
    distances, found = index.search(histograms, 3)
    return distances, found.tolist()


def alike(histograms, metric, wanted):
    distances, found = search(histograms, metric)
    assert np.allclose(distances, np.sort(wanted, axis=1)[:, :3], atol=1e-6), "it changed"
    assert found == np.argsort(wanted, axis=1, kind="stable")[:, :3].tolist(), "it changed"
    return found


for metric, name, power, seen in (
        (faiss.METRIC_Canberra, "canberra", 1, [[4, -1, -1], [4, 3, -1], [4, -1, -1], [4, 1, -1], [4, 1, 2]]),
        (faiss.METRIC_JensenShannon, "jensenshannon", 2, [[-1, -1, -1]] * 4 + [[4, -1, -1]])):
    wanted = cdist(bins, bins, name) ** power
    assert np.isfinite(wanted).all()
    distances, found = search(bins, metric)
    print(f"{name}: by SciPy {np.argsort(wanted, axis=1, kind='stable')[:, :3].tolist()}, by Faiss {found}")
    print(f"the first three of the first histogram: {np.sort(wanted, axis=1)[0, :3].round(3)}, by Faiss {distances[0]}")
    assert found == seen, "it changed"
    assert (distances[0, np.array(found[0]) == -1] == last).all()
    all_of_them = faiss.pairwise_distances(bins, bins, metric)
    assert np.isnan(all_of_them[:4, :4]).sum() >= 13, "it changed"
    print("filled:", alike(filled, metric, cdist(filled, filled, name) ** power))
alike(bins, faiss.METRIC_BrayCurtis, cdist(bins, bins, "braycurtis"))
PYTHON
