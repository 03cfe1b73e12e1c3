#!/usr/bin/env bash
# scikit-learn-intelex 2026.2.0: the k-d tree, which it chooses by itself, misses nearest neighbours where features repeat values.
#
# One would guess: NearestNeighbors and KNeighborsClassifier give the neighbours of scikit-learn's, as the extension is said to be a faster
# scikit-learn with the same results; and algorithm="kd_tree" is exact, as "brute" is: only the time differs.
# What happens, without an error or a warning: where many rows have the same value in a feature, some of the nearest neighbours are not found,
# and others, further away, stand in their place. Of 8 features after ReLU, half of which are 0, a sixth of the queries below have some wrong
# neighbour among 5, and a fifteenth the wrong nearest one, up to twice as far away; of 4 whole numbers from 0 to 10, a row that is in the
# data is not found itself. Up to 15 features, the default, "auto", takes the tree. Numbers without repetitions are right, and so is "brute".
# Who is hurt: those who speed up their classifiers, duplicates and outliers by the extension with one line (patch_sklearn()): activations,
# counts, ratings and measurements with one decimal repeat values, and accuracy drops a little, which is taken for the model's.
# Remedy: algorithm="brute" in float64; or scikit-learn's own tree.
# Seen on 2026-12-01, with scikit-learn 1.9.1, SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn-intelex==2026.2.0 daal==2026.2.0 scikit-learn==1.9.1 \
	scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearnex.neighbors import KNeighborsClassifier as FastClassifier
from sklearnex.neighbors import NearestNeighbors as Fast

rng = np.random.default_rng(1)


def relu(rows, columns):
    return np.maximum(0, rng.normal(size=(rows, columns)))


def misses(kind, data, queries, k, algorithm):
    """The queries with a neighbour that is further away than the true one, and by how much at most."""
    wanted = np.sort(cdist(queries, data), axis=1)[:, :k]
    distances, rows = kind(n_neighbors=k, algorithm=algorithm).fit(data).kneighbors(queries)
    # The distances are those of the rows that are named; it is the rows that are wrong.
    assert np.allclose(distances, np.linalg.norm(queries[:, None] - data[rows], axis=2), atol=1e-5)
    wrong = (distances > wanted + 1e-5).any(axis=1)
    assert (distances >= wanted - 1e-5).all()
    return int(wrong.sum()), float((distances - wanted).max())


sets = {
    "8 features after ReLU": (relu(3000, 8), relu(600, 8)),
    "4 whole numbers from 0 to 10": (rng.integers(0, 11, (3000, 4)).astype(float), rng.integers(0, 11, (600, 4)).astype(float)),
    "4 numbers with one decimal": (rng.normal(0, 2, (1500, 4)).round(1), rng.normal(0, 2, (600, 4)).round(1)),
}
for name, (data, queries) in sets.items():
    for k in (1, 5):
        for algorithm in ("kd_tree", "auto"):
            assert misses(NearestNeighbors, data, queries, k, algorithm)[0] == 0
            wrong, far = misses(Fast, data, queries, k, algorithm)
            print(f"{name}, {k} neighbours, {algorithm}: {wrong} of 600 queries have a wrong one, by up to {far:.2f}")
            assert wrong > (10 if "ReLU" in name else 0) and far > 0.05, "it changed"
        assert misses(Fast, data, queries, k, "brute")[0] == 0

data, queries = rng.normal(size=(3000, 8)), rng.normal(size=(600, 8))
assert misses(Fast, data, queries, 5, "kd_tree")[0] == 0

# A row that is in the data is its own nearest neighbour, at the distance 0.
data = sets["4 whole numbers from 0 to 10"][0]
lost = Fast(n_neighbors=1).fit(data).kneighbors(data)[0].ravel()
print(f"{(lost > 0).sum()} of {len(data)} rows do not find themselves, but one {lost.max():.2f} away")
assert (lost > 0).sum() > 0, "it changed"
assert (NearestNeighbors(n_neighbors=1).fit(data).kneighbors(data)[0] == 0).all()

data, queries = sets["8 features after ReLU"]
labels = rng.integers(0, 10, len(data))
one, other = (kind(n_neighbors=1).fit(data, labels).predict(queries) for kind in (KNeighborsClassifier, FastClassifier))
print(f"{(one != other).sum()} of 600 get another class")
assert (one != other).sum() > 10, "it changed"
PYTHON
