"""scikit-learn's time for the out-of-fold probabilities of scripts/bench-suspects-speed.sh.

    python bench_suspects.py fit DIR LAMBDA FOLDS    prints wall and processor seconds as JSON
    python bench_suspects.py table DIR OURS THEIRS   prints both sides' results

It does what `finetune suspects` does once the strength is chosen: five folds, five more without the surest errors, and the
25 nearest rows along 64 principal components. FOLDS of the five are run and counted for all: they are alike.
"""

import json
import pathlib
import sys
import time

import numpy as np


def fit(directory, lam, folds):
    import sklearn
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import normalize

    shape = json.loads((directory / "shape.json").read_text())
    x = np.fromfile(directory / "x.f32", np.float32).reshape(-1, shape["cols"])
    y = np.fromfile(directory / "y.i32", np.int32)
    classes = shape["classes"]
    y[::20] = (y[::20] + 1) % classes
    begin, used = time.perf_counter(), time.process_time()
    x = normalize(x)
    x -= x.mean(axis=0)
    x /= x.std(axis=0).mean()
    once = time.perf_counter() - begin, time.process_time() - used
    begin, used = time.perf_counter(), time.process_time()
    keep = np.ones(len(y), bool)
    for _ in range(2):
        for train, test in list(StratifiedKFold(5, shuffle=True, random_state=1).split(x, y))[:folds]:
            train = train[keep[train]]
            model = LogisticRegression(C=(2 if classes == 2 else 1) / (lam * len(train)), max_iter=1000).fit(x[train], y[train])
            p = model.predict_proba(x[test])
            keep[test] = p[np.arange(len(test)), y[test]] >= 0.25 * p.max(axis=1)
    fitted = (time.perf_counter() - begin) * 5 / folds, (time.process_time() - used) * 5 / folds
    begin, used = time.perf_counter(), time.process_time()
    z = normalize(PCA(64, svd_solver="randomized", iterated_power=2, random_state=1).fit_transform(x))
    NearestNeighbors(n_neighbors=26, algorithm="brute", metric="cosine").fit(z).kneighbors(z)
    neighbours = time.perf_counter() - begin, time.process_time() - used
    wall, spent = (sum(part) for part in zip(once, fitted, neighbours))
    print(json.dumps({"wall": wall, "used": spent, "fits": fitted[1], "neighbours": neighbours[1], "version": sklearn.__version__}))


def table(directory, ours, theirs):
    shape = json.loads((directory / "shape.json").read_text())
    ours, theirs = ([json.loads(line) for line in pathlib.Path(f).read_text().splitlines()] for f in (ours, theirs))
    best = lambda all, key: min(r[key] for r in all)
    print(f"{shape['rows']} rows of {shape['cols']}, {shape['classes']} classes; seconds: wall, processor")
    print(f"  {'finetune train, all of it':44}{best(ours, 'train'):8.2f}{best(ours, 'train_used'):8.2f}")
    print(f"  {'finetune suspects, the strength chosen, too':44}{best(ours, 'all'):8.2f}{best(ours, 'all_used'):8.2f}")
    print(f"  {'finetune suspects at that strength':44}{best(ours, 'own'):8.2f}{best(ours, 'own_used'):8.2f}")
    print(f"  {'finetune audit, neighbours and outliers':44}{best(ours, 'audit'):8.2f}{best(ours, 'audit_used'):8.2f}")
    if theirs:
        print(f"  {'scikit-learn ' + theirs[0]['version'] + ' at that strength':44}{best(theirs, 'wall'):8.2f}{best(theirs, 'used'):8.2f}")


if sys.argv[1] == "fit":
    fit(pathlib.Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
else:
    table(pathlib.Path(sys.argv[2]), *sys.argv[3:])
