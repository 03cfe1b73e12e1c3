#!/usr/bin/env bash
# voyager 2.2.3 (Python): Euclidean distances are their squares, and get_distance() of inner products depends on what was seen before.
#
# One would guess: Space.Euclidean gives "the square root of the sum of the squared differences", as its documentation says; and get_distance(a, b)
# is what query() gives for the same two vectors, whatever else is in the index: "the distance between two provided vectors".
# What happens, without an error:
#   1. query() and get_distance() give the sum of the squared differences, without the root: 9 for 3. Small distances come out smaller,
#      large ones larger.
#   2. Space.InnerProduct: query() gives 1 - a * b. get_distance() gives less by a whole number, unless one of both is as long as the longest
#      vector that has been added to the index, or given to get_distance(): each vector has one more number there, which makes all of them
#      equally long, and here it is counted, without its fraction. The same two vectors have another distance after a longer one was seen.
#      The nearest by query() need not be the nearest by get_distance().
# Space.Cosine is right in both.
# Who is hurt: those who take thresholds from SciPy, Annoy or scikit-learn to Voyager for duplicates and "similar enough", average distances,
# or rank candidates of another source by get_distance().
# Remedy: numpy.sqrt of distances for 1; 1 - numpy.dot(a, b) for 2.
# Seen on 2026-12-01, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check voyager==2.2.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from voyager import Index, Space

vectors = np.random.default_rng(7).normal(size=(6, 4)).astype(np.float32)
query = vectors[0]


def search(space):
    index = Index(space, 4)
    before = [index.get_distance(query, v) for v in vectors]
    index.add_items(vectors)
    names, distances = index.query(query, 6, query_ef=100)
    found = np.empty(6)
    found[names] = distances
    return names, found, np.array(before), np.array([index.get_distance(query, v) for v in vectors])


assert "square root" in Space.Euclidean.__doc__, "it changed"
names, found, before, measured = search(Space.Euclidean)
right = np.linalg.norm(vectors - query, axis=1)
print(f"Euclidean: {found.round(3)} instead of {right.round(3)}")
assert np.allclose(found, right**2, atol=1e-4) and np.allclose(measured, found, atol=1e-4), "it changed"

names, found, before, measured = search(Space.InnerProduct)
right = 1 - vectors @ query
lengths = (vectors**2).sum(axis=1)


def counted(v, longest):
    """With what makes both vectors as long as the longest, without its fraction."""
    return 1 - v @ query - int(np.sqrt(longest - lengths[0])) * int(np.sqrt(longest - (v**2).sum()))


print(f"inner product: {found.round(3)} by query(), {measured.round(3)} by get_distance(), {before.round(3)} by it in an empty index")
assert np.allclose(found, right, atol=1e-4) and names[0] == right.argmin()
assert np.allclose(measured, [counted(v, lengths.max()) for v in vectors], atol=1e-4), "it changed"
assert np.allclose(before, [counted(v, lengths[:i + 1].max()) for i, v in enumerate(vectors)], atol=1e-4), "it changed"
assert measured.argmin() == 0 != names[0] and not np.allclose(before, measured, atol=0.5), "it changed"

names, found, before, measured = search(Space.Cosine)
right = 1 - vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
assert np.allclose(found, right, atol=1e-4) and np.allclose(measured, right, atol=1e-4)
PYTHON
