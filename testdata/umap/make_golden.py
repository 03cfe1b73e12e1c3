"""Writes golden.json: what umap-learn 0.5.12 makes of handwritten digits, for vectors/umap/golden_test.go.

    scripts/python.sh install umap && $(scripts/python.sh path umap) testdata/umap/make_golden.py

It has the digits (scikit-learn's copy of those of the UCI repository; 8x8 pixels from 0 to 16), the distances to
neighbours, which are exact, what umap-learn's own functions make of them, and how trustworthy
umap-learn's maps of three seeds are by scikit-learn.
"""

import base64
import json
import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from umap import UMAP
from umap.umap_ import find_ab_params, fuzzy_simplicial_set, smooth_knn_dist

ROWS, NEIGHBORS = 600, 15

digits = load_digits().data[:ROWS].astype(np.float64)
# The last rows are copies, one of them many times: distances of 0.
digits[-40:-20] = digits[:20]
digits[-20:] = digits[100]
unit = digits / np.linalg.norm(digits, axis=1, keepdims=True)
# Equal rows have a distance of exactly 0.
_, group = np.unique(digits, axis=0, return_inverse=True)
distances = np.maximum(0, 1 - unit @ unit.T)
distances[group.reshape(-1, 1) == group.reshape(1, -1)] = 0
own = distances.copy()
np.fill_diagonal(own, -1)
neighbors = np.argsort(own, axis=1, kind="stable")[:, :NEIGHBORS]
near = np.take_along_axis(distances, neighbors, axis=1).astype(np.float32)
scales, nearest = smooth_knn_dist(near, float(NEIGHBORS))
graph, _, _ = fuzzy_simplicial_set(digits, NEIGHBORS, np.random.RandomState(1), "cosine", knn_indices=neighbors, knn_dists=near)
graph = graph.tocsr()
graph.eliminate_zeros()
graph.sort_indices()
trust = []
for seed in (1, 2, 3):
    places = UMAP(metric="cosine", random_state=seed).fit_transform(digits)
    trust.append(trustworthiness(digits, places, n_neighbors=15, metric="cosine"))

pack = lambda values, kind: base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
golden = {
    "cols": digits.shape[1],
    "digits": pack(digits, "u1"),
    "neighbors": pack(neighbors[:, 1:], "<u2"),
    "distances": pack(near[:, 1:], "<f4"),
    "scales": pack(scales, "<f4"),
    "nearest": pack(nearest, "<f4"),
    "starts": pack(graph.indptr, "<u2"),
    "rows": pack(graph.indices, "<u2"),
    "weights": pack(graph.data, "<f4"),
    "curves": [[least, *map(float, find_ab_params(1.0, least))] for least in (0.0, 0.05, 0.1, 0.5, 1.0)],
    "trustworthiness": trust,
}
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as out:
    json.dump(golden, out, indent=1)
    out.write("\n")
print(trust)
