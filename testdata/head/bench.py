"""The data of scripts/bench-head.sh, and scikit-learn's time on it.

    python bench.py make DIR CLASSES ROWS COLUMNS    writes x.f32, y.i32, shape.json
    python bench.py fit DIR LAMBDA                   prints seconds, accuracy as JSON
    python bench.py table DIR CLASSES OURS THEIRS    prints both sides' results

The rows are like fc7's: three quarters are zeros, the rest positive, the columns of
different sizes and correlated, and the classes overlap. The last sixth is for testing.
"""

import json
import pathlib
import sys
import time

import numpy as np


def make(directory, classes, n, d):
    rng = np.random.default_rng(classes)
    rank = 96
    y = rng.integers(0, classes, n)
    spectrum = np.arange(1, rank + 1) ** -0.5
    spectrum *= np.sqrt(rank / np.sum(spectrum**2))
    basis = (rng.normal(size=(rank, d)) / np.sqrt(rank)).astype(np.float32)
    centres = rng.normal(size=(classes, rank)) * (0.2 if classes == 2 else 0.24)
    latent = (centres[y] + rng.normal(size=(n, rank)) * spectrum).astype(np.float32)
    gain = np.exp(0.5 * rng.normal(size=d)).astype(np.float32)
    bias = (0.4 * rng.normal(size=d) - 0.9).astype(np.float32)
    with open(directory / "x.f32", "wb") as f:
        for i in range(0, n, 1000):
            part = latent[i : i + 1000] @ basis
            part += 0.9 * rng.normal(size=part.shape).astype(np.float32)
            (np.maximum(part + bias, 0) * gain).astype(np.float32).tofile(f)
    y.astype(np.int32).tofile(directory / "y.i32")
    (directory / "shape.json").write_text(json.dumps({"rows": n, "cols": d, "classes": classes, "train": n * 5 // 6}))


def fit(directory, lam):
    import sklearn
    from sklearn.linear_model import LogisticRegression

    shape = json.loads((directory / "shape.json").read_text())
    x = np.fromfile(directory / "x.f32", np.float32).reshape(-1, shape["cols"])
    y = np.fromfile(directory / "y.i32", np.int32)
    n, classes = shape["train"], shape["classes"]
    begin = time.perf_counter()
    mean, scale = x[:n].mean(axis=0), 1 / x[:n].std(axis=0).mean()
    z = ((x[:n] - mean) * scale).astype(np.float32)
    model = LogisticRegression(C=(2 if classes == 2 else 1) / (lam * n), max_iter=1000).fit(z, y[:n])
    seconds = time.perf_counter() - begin
    accuracy = model.score(((x[n:] - mean) * scale).astype(np.float32), y[n:])
    print(json.dumps({"seconds": seconds, "accuracy": accuracy, "iterations": int(model.n_iter_[0]), "version": sklearn.__version__}))


def table(directory, classes, ours, theirs):
    shape = json.loads((directory / "shape.json").read_text())
    ours, theirs = ([json.loads(line) for line in pathlib.Path(f).read_text().splitlines()] for f in (ours, theirs))
    one, path, auto = (min(r[k] for r in ours) for k in ("one_seconds", "path_seconds", "auto_seconds"))
    other = min(r["seconds"] for r in theirs)
    print(f"{shape['train']} rows of {shape['cols']}, {classes} classes")
    print(f"  {'':38}seconds  accuracy on the other {shape['rows'] - shape['train']}")
    print(f"  {'fovea, one strength':38}{one:7.2f}  {100 * ours[0]['one_accuracy']:.2f} %")
    print(f"  {'scikit-learn ' + theirs[0]['version'] + ', the same, ' + str(theirs[0]['iterations']) + ' steps':38}{other:7.2f}  {100 * theirs[0]['accuracy']:.2f} %")
    print(f"  {'fovea / scikit-learn':38}{one / other:7.2f}")
    print(f"  {'fovea, cross-validation and all':38}{path:7.2f}  {100 * ours[0]['path_accuracy']:.2f} %  log loss {ours[0]['path_loss']:.4f}  (lambda {ours[0]['path_lambda']:g})")
    print(f"  {'fovea, the best of several models':38}{auto:7.2f}  {100 * ours[0]['auto_accuracy']:.2f} %  log loss {ours[0]['auto_loss']:.4f}")
    print(f"  {'beside softmax alone':38}{auto / path:7.2f}")
    print(f"  {'its novelty model, besides':38}{min(r['novelty_seconds'] for r in ours):7.2f}  and {min(r['novelty_milliseconds_each'] for r in ours):.2f} ms an image")


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:]))
elif sys.argv[1] == "fit":
    fit(pathlib.Path(sys.argv[2]), float(sys.argv[3]))
else:
    table(pathlib.Path(sys.argv[2]), *sys.argv[3:])
