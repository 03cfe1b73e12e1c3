"""Makes the golden values of softmax regression and of the metrics with scikit-learn.

    python make_golden.py > golden.json

Made with scikit-learn 1.9, numpy 2.4.6, Python 3.11. The objectives agree when
C = 1/(lambda n), and for two classes, where scikit-learn has one vector of weights for
the two, when C = 2/(lambda n).
"""

import json

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score, log_loss, precision_recall_fscore_support, roc_auc_score,
)
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


def balanced():
    rng = np.random.default_rng(6)
    y = np.repeat([0, 1, 2], [40, 15, 5])
    x = (rng.normal(size=(60, 4)) + 1.2 * rng.normal(size=(3, 4))[y]).astype(np.float32)
    lam = 0.05
    z = StandardScaler().fit_transform(x.astype(np.float64))
    model = LogisticRegression(C=1 / (lam * 60), tol=1e-12, max_iter=100_000, class_weight="balanced").fit(z, y)
    return {"lambda": lam, "rows": 60, "cols": 4, "x": x.ravel().astype(float).tolist(), "y": y.tolist(),
            "probabilities": model.predict_proba(z).ravel().tolist()}


def metrics():
    rng = np.random.default_rng(7)
    n, k = 300, 4
    y = rng.choice(k, n, p=[0.5, 0.3, 0.15, 0.05])
    logits = 1.5 * rng.normal(size=(n, k)) + 2 * np.eye(k)[y]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predicted, top = p.argmax(axis=1), p.max(axis=1)
    bins = np.minimum((top * 15).astype(int), 14)
    ece = sum(abs((predicted == y)[bins == b].mean() - top[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    precision, recall, f1, support = precision_recall_fscore_support(y, predicted)
    t = minimize_scalar(lambda u: log_loss(y, softmax(4 * logits / np.exp(u), axis=1)), bounds=(-3, 3), method="bounded", options={"xatol": 1e-12}).x
    return {
        "rows": n, "classes": k, "y": y.tolist(), "logits": logits.ravel().tolist(), "probabilities": p.ravel().tolist(),
        "accuracy": accuracy_score(y, predicted), "balanced_accuracy": balanced_accuracy_score(y, predicted),
        "macro_f1": f1_score(y, predicted, average="macro"), "log_loss": log_loss(y, p),
        "roc_auc": roc_auc_score(y, p, multi_class="ovr", average="macro"), "ece": ece,
        "roc_aucs": roc_auc_score(y, p, multi_class="ovr", average=None).tolist(),
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
        "confusion": confusion_matrix(y, predicted).tolist(),
        # of four times the logits
        "temperature": float(np.exp(t)),
    }


print(json.dumps({
    "balanced": balanced(),
    "metrics": metrics(),
    "problems": [
        problem("binary, long", 60, 5, 2, 0.1, 1),
        problem("binary, wide", 30, 80, 2, 0.03, 2),
        problem("three classes, long", 90, 6, 3, 0.01, 3),
        problem("three classes, wide", 33, 100, 3, 0.3, 4),
    ],
    "ties": ties(),
}))
