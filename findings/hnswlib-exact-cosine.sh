#!/usr/bin/env bash
# hnswlib 0.8.0: the exact search, BFIndex, gives cosine distances that depend on the query's length, down to below 0.
#
# One would guess: BFIndex("cosine", n) is there to check Index("cosine", n), and gives the same distances for the same neighbours:
# 1 - cosine, from 0 to 2.
# What happens: both normalize the vectors that are added, but only Index normalizes queries, too. BFIndex gives 1 - |q| cosine: the
# distance of a vector of length 12 to itself is -11, and of one of length 0.5 to itself 0.5. There is no error. The order of
# a query's neighbours is right, since all of its distances are off by the same rule; with queries of length 1 they are right.
# Who is hurt: those who take thresholds for duplicates from an exact search, compare distances of several queries, or
# measure the approximation's error with it: 1 - cosine < 0.1 finds nearly all vectors if queries are long, none if short.
# Remedy: divide queries by their length before BFIndex.knn_query.
# Seen on 2026-11-30, with NumPy 2.4.6; pip compiles hnswlib, which needs a C++ compiler.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check hnswlib==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import hnswlib
import numpy as np

vectors = np.random.default_rng(7).normal(size=(200, 16)).astype(np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
indexes = {}
for space in ("cosine", "l2"):
    exact, approximate = hnswlib.BFIndex(space, 16), hnswlib.Index(space, 16)
    exact.init_index(len(vectors))
    approximate.init_index(len(vectors), random_seed=7)
    for index in (exact, approximate):
        index.add_items(vectors * 3, np.arange(len(vectors)))
    approximate.set_ef(len(vectors))
    indexes[space] = exact, approximate

for length in (0.5, 1, 12):
    queries = vectors[:20] * np.float32(length)
    for space, (exact, approximate) in indexes.items():
        found, distances = exact.knn_query(queries, 5)
        same, others = approximate.knn_query(queries, 5, num_threads=1)
        neighbours = vectors[found.astype(int)]
        assert (found == same).all()
        if space == "l2":
            assert np.allclose(distances, others, atol=1e-3)
            continue
        cosines = np.einsum("qkd,qd->qk", neighbours, vectors[:20])
        assert np.allclose(others, 1 - cosines, atol=1e-5)
        print(f"length {length}: a vector's distance to itself is {others[0, 0]:.2f}, to the next one {others[0, 1]:.2f};",
              f"BFIndex {distances[0, 0]:.2f} and {distances[0, 1]:.2f}; below 0.1 are {(distances < 0.1).sum()} of {distances.size}")
        assert np.allclose(distances, 1 - length * cosines, atol=1e-5), "it changed"
PYTHON
