"""Writes golden.json: principal components and nearest neighbours as scikit-learn 1.9.1 finds
them in the rows that vectors/golden_test.go makes.

    make_golden.py > golden.json
"""

import json
import sys

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

ROWS, COLS = 90, 40


def rows():
    """Values of a formula that both languages compute alike, some of them zero."""
    i, j = np.meshgrid(np.arange(ROWS, dtype=np.float64), np.arange(COLS, dtype=np.float64), indexing="ij")
    hashed = (i * 7919 + j * 104729 + i * i * j * 31) % 1009
    x = hashed / 256 - 1 + (i % 3) * (j % 5) / 2
    x = np.maximum(x, 0)
    x[50] = x[20]  # a copy
    x[60] = 2 * x[21]  # of the same direction
    return x.astype(np.float32)


def main():
    x = rows().astype(np.float64)
    pca = PCA(n_components=2, svd_solver="full").fit(x)
    similarity = cosine_similarity(x)
    nearest = [[int(r) for r in np.argsort(-np.round(similarity[q], 12), kind="stable")[:5]] for q in range(ROWS)]
    pairs = [[int(a), int(b), float(similarity[a, b])] for a in range(ROWS) for b in range(a + 1, ROWS) if similarity[a, b] >= 0.8]
    json.dump({
        "scores": pca.transform(x).tolist(), "variances": pca.explained_variance_.tolist(),
        "ratios": pca.explained_variance_ratio_.tolist(), "components": pca.components_.tolist(),
        "nearest": nearest, "similarities": [[float(similarity[q, r]) for r in nearest[q]] for q in range(ROWS)],
        "pairs": pairs,
    }, sys.stdout)
    print()


main()
