"""Makes the golden values of linear discriminant analysis with scikit-learn.

    python make_lda_golden.py > lda.json

Made with scikit-learn 1.9, numpy 2.4.6, Python 3.11. Rows are scaled as Scaling "common" or "sqrt" scales them, in
float64. scikit-learn gives the covariance of each class its own shrinkage towards its own mean variance; averaged over
the classes by their shares of the rows, that is the shrinkage of the whole.
"""

import json

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


def scaled(x, scaling):
    if scaling == "sqrt":
        x = np.sign(x) * np.sqrt(np.abs(x))
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return (x - x.mean(axis=0)) / x.std(axis=0).mean()


def problem(name, counts, d, shrinkage, scaling, seed, apart=0.7):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    mix = rng.normal(size=(d, d)) / d**0.5
    x = (apart * rng.normal(size=(len(counts), d))[y] + rng.normal(size=(len(y), d)) @ mix + 0.5).astype(np.float32)
    z = scaled(x.astype(np.float64), scaling)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(z, y)
    return {"name": name, "rows": len(y), "cols": d, "classes": len(counts), "shrinkage": shrinkage, "scaling": scaling,
            "x": x.ravel().astype(float).tolist(), "y": y.tolist(), "probabilities": model.predict_proba(z).ravel().tolist()}


print(json.dumps([
    problem("two classes", [30, 50], 10, 0.2, "common", 1),
    problem("three classes", [20, 40, 25], 12, 0.05, "common", 2),
    problem("square roots", [20, 40, 25], 12, 0.3, "sqrt", 3),
    problem("more columns than rows", [14, 20], 50, 0.9, "common", 4, apart=0.05),
    problem("weak", [60, 30, 40, 20], 8, 0.001, "common", 5),
]))
