"""Makes the golden values of penalties by absolute values and of support vector machines.

    python make_penalty_golden.py > penalties.json

Made with scikit-learn 1.9, numpy 2.4.6, Python 3.11: LogisticRegression by saga, and LinearSVC,
whose bias is penalized, which intercept_scaling makes small. Objectives agree at C = 1/(lambda n),
for the log loss of two classes with a penalty of absolute values alone, too.
"""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC


def rows(n, d, classes, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    centres = np.where(np.arange(d) < 6, rng.normal(size=(classes, d)), 0)  # the others are noise
    x = (0.7 * centres[y] + rng.normal(size=(n, d)) @ (np.eye(d) + 0.1 * rng.normal(size=(d, d)))).astype(np.float32)
    return x, y


def problem(name, n, d, classes, lam, ratio, loss, seed):
    x, y = rows(n, d, classes, seed)
    z = StandardScaler().fit_transform(x.astype(np.float64))
    c = 1 / (lam * n)
    if loss == "hinge":
        model = LinearSVC(C=c, dual=False, tol=1e-12, max_iter=1_000_000, intercept_scaling=100)
    else:
        model = LogisticRegression(C=c, l1_ratio=ratio, solver="saga", tol=1e-12, max_iter=1_000_000)
    model.fit(z, y)
    return {"name": name, "rows": n, "cols": d, "classes": classes, "lambda": lam, "ratio": ratio, "loss": loss,
            "x": x.ravel().astype(float).tolist(), "y": y.tolist(),
            "weights": model.coef_.tolist(), "biases": model.intercept_.tolist()}


print(json.dumps([
    problem("absolute, two classes", 120, 30, 2, 0.03, 1.0, "softmax", 1),
    problem("absolute, three classes", 150, 30, 3, 0.02, 1.0, "softmax", 2),
    problem("elastic net, three classes", 150, 30, 3, 0.05, 0.5, "softmax", 3),
    problem("elastic net, wide", 60, 100, 3, 0.05, 0.7, "softmax", 4),
    problem("hinge, two classes", 120, 20, 2, 0.02, 0.0, "hinge", 5),
    problem("hinge, three classes", 150, 20, 3, 0.05, 0.0, "hinge", 6),
    problem("hinge, wide", 40, 100, 3, 0.2, 0.0, "hinge", 7),
]))
