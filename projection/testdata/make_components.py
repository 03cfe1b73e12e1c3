"""Principal components by scikit-learn, for features with a mean, correlated columns and columns of zeros:
python make_components.py > components.json"""

import json

import numpy as np
import sklearn
from sklearn.decomposition import PCA, IncrementalPCA


def finalize(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def wholes(seed, rows, columns, most):
    """Whole numbers from -most to most, which the test makes in the same way."""
    i, j = np.meshgrid(np.arange(rows, dtype=np.uint64), np.arange(columns, dtype=np.uint64), indexing="ij")
    h = finalize(np.uint64(seed) * np.uint64(1 << 40) + i * np.uint64(1 << 20) + j)
    return (h % np.uint64(2 * most + 1)).astype(np.int64) - most


def data(seed, rows, d, rank):
    """Features of a few directions and some noise, as after a ReLU, with columns of zeros."""
    x = (wholes(seed, rows, rank, 9) * np.arange(rank, 0, -1)) @ wholes(7, rank, d, 9) + wholes(seed + 50, rows, d, 3) + wholes(8, 1, d, 300)
    x = np.maximum(x, 0)
    x[:, ::11] = 0
    return (x / 64).astype(np.float32)


cases = []
# 256 images are the batch of up to 128 components: one batch, several, a rest, wide and narrow layers.
for seed, n, d, rank, k, whiten in [(1, 60, 20, 6, 4, False), (2, 256, 40, 9, 5, True), (3, 700, 30, 8, 6, False), (4, 520, 300, 12, 4, True)]:
    x = data(seed, n, d, rank)
    full = PCA(k, whiten=whiten, svd_solver="full").fit(x.astype(np.float64))
    incremental = IncrementalPCA(k, whiten=whiten, batch_size=256).fit(x.astype(np.float64))
    new = data(seed + 100, 3, d, rank)
    cases.append({
        "inputs": d, "values": k, "whiten": whiten, "seed": seed, "rows": n, "rank": rank,
        "mean": incremental.mean_.tolist(), "variances": incremental.explained_variance_.tolist(), "full_variances": full.explained_variance_.tolist(),
        "total": float(x.astype(np.float64).var(axis=0, ddof=1).sum()),
        "components": np.round(incremental.components_, 9).tolist(), "full_components": np.round(full.components_, 9).tolist(),
        "projected": incremental.transform(new.astype(np.float64)).tolist(),
    })
print(json.dumps({"scikit-learn": sklearn.__version__, "cases": cases}, separators=(",", ":")))
