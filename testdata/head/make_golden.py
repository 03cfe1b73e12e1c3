"""Makes the golden values of softmax regression and of the metrics with scikit-learn.

    python make_golden.py > golden.json

Made with scikit-learn 1.9, numpy 2.4.6, Python 3.11. The objectives agree when
C = 1/(lambda n), and for two classes, where scikit-learn has one vector of weights for
the two, when C = 2/(lambda n).
"""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler


def problem(name, n, d, classes, lam, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    centres = rng.normal(size=(classes, d))
    x = (centres[y] + 1.5 * rng.normal(size=(n, d)) + 3).astype(np.float32)
    x[:, -1] = 7  # a constant column
    model = LogisticRegression(C=(2 if classes == 2 else 1) / (lam * n), tol=1e-12, max_iter=100_000)
    z = StandardScaler().fit_transform(x.astype(np.float64))
    model.fit(z, y)
    p = model.predict_proba(z)
    return {
        "name": name, "rows": n, "cols": d, "classes": classes, "lambda": lam,
        "x": x.ravel().astype(float).tolist(), "y": y.tolist(),
        "probabilities": p.ravel().tolist(), "log_loss": log_loss(y, p),
        "roc_auc": roc_auc_score(y, p[:, 1]) if classes == 2 else roc_auc_score(y, p, multi_class="ovr", average="macro"),
    }


def ties():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 200)
    score = np.round(np.clip(0.5 + 0.2 * (y - 0.5) + 0.2 * rng.normal(size=200), 0, 1), 1)
    return {"y": y.tolist(), "score": score.tolist(), "roc_auc": roc_auc_score(y, score)}


print(json.dumps({
    "problems": [
        problem("binary, long", 60, 5, 2, 0.1, 1),
        problem("binary, wide", 30, 80, 2, 0.03, 2),
        problem("three classes, long", 90, 6, 3, 0.01, 3),
        problem("three classes, wide", 33, 100, 3, 0.3, 4),
    ],
    "ties": ties(),
}))
