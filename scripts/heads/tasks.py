"""The tasks of scripts/bench-heads.sh, and scikit-learn's LogisticRegressionCV on them.

    tasks.py make DIR PHOTOS WAYS TURNS    writes DIR/TASK/x.f32, y.i32, fold.i32 and task.json
    tasks.py fit DIR TASK                  writes p-scikit-learn.f64: the probabilities of each fold's rows
    tasks.py table DIR TASK...             prints accuracy and log loss of all kinds of heads

PHOTOS, WAYS and TURNS are datasets of extract: the photos with their labels, and those of turned.py. The rest comes with scikit-learn, or is drawn from a seed. Each row
of fold.i32 is a repetition: a task's rows are divided into 5 folds, each of which is tested once; -1 is left out.
"""

import json
import pathlib
import sys

import numpy as np

LAYERS = ["conv4_3", "conv5_3", "pool5"]


def features(directory):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables([pq.read_table(f) for f in sorted(pathlib.Path(directory).rglob("*.parquet"))])
    labels = np.unique([str(v) for v in table["label"].to_pylist()], return_inverse=True)[1]
    columns = {n: table[n].combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1).astype(np.float32) for n in LAYERS}
    return columns, labels


def write(directory, x, y, blocks=None, repeats=2, keep=None):
    """Writes a task. keep gives the rows to learn from of all the rows outside a fold."""
    from sklearn.model_selection import StratifiedKFold

    directory.mkdir(parents=True, exist_ok=True)
    fold = np.zeros((repeats, len(y)), np.int32)
    for r in range(repeats):
        if keep is None:
            for f, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=r).split(x, y)):
                fold[r, test] = f
        else:  # few rows, all others are tested
            learn = np.random.default_rng(r).permutation(len(y))[:keep]
            fold[r, learn] = 1
    x.astype("<f4").tofile(directory / "x.f32")
    y.astype("<i4").tofile(directory / "y.i32")
    fold.tofile(directory / "fold.i32")
    task = {"rows": len(y), "cols": x.shape[1], "classes": int(y.max()) + 1, "repeats": repeats, "folds": 5 if keep is None else 1}
    (directory / "task.json").write_text(json.dumps(task | {"blocks": blocks or []}))


def make(directory, photos, ways, turns):
    from sklearn import datasets

    x, y = features(photos)
    write(directory / "cats-vs-dogs", x["pool5"], y)
    write(directory / "layers-cats-vs-dogs", np.hstack([x[n] for n in LAYERS]), y, [512] * 3)
    write(directory / "few", x["pool5"], y, repeats=6, keep=60)
    some = np.sort(np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 1)[:100]]))
    write(directory / "unbalanced", x["pool5"][some], y[some])
    x, y = features(turns)
    write(directory / "rot8", x["pool5"], y)
    write(directory / "layers-rot8", np.hstack([x[n] for n in LAYERS]), y, [512] * 3)
    x, y = features(ways)  # the values of EXIF's orientation, less 1
    write(directory / "ways", x["pool5"], y)
    write(directory / "rot4", x["pool5"], np.array([0, 0, 1, 1, 2, 3, 3, 2])[y])
    write(directory / "mirrored", x["pool5"], np.array([0, 1, 0, 1, 1, 0, 1, 0])[y])
    for name in ["digits", "wine", "breast_cancer"]:
        data = getattr(datasets, "load_" + name)()
        write(directory / name.replace("_", "-"), data.data, data.target, repeats=2 if name == "digits" else 6)
    for name, seed in [("twenty", 1)]:
        made = datasets.make_classification(3000, 200, n_informative=40, n_redundant=60, n_classes=20, n_clusters_per_class=1, class_sep=1.2, random_state=seed)
        write(directory / name, *made)


def read(directory):
    task = json.loads((directory / "task.json").read_text())
    x = np.fromfile(directory / "x.f32", "<f4").reshape(-1, task["cols"])
    y = np.fromfile(directory / "y.i32", "<i4")
    return task, x, y, np.fromfile(directory / "fold.i32", "<i4").reshape(task["repeats"], -1)


def fit(directory):
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    task, x, y, fold = read(directory)
    p = np.zeros((task["repeats"], len(y), task["classes"]))
    for r in range(task["repeats"]):
        for f in range(task["folds"]):
            learn, test = (fold[r] != f) & (fold[r] >= 0), fold[r] == f
            model = make_pipeline(
                StandardScaler(),
                LogisticRegressionCV(Cs=np.logspace(-5, 1, 13), cv=StratifiedKFold(5, shuffle=True, random_state=r), scoring="neg_log_loss", max_iter=1000, tol=1e-3, use_legacy_attributes=False, l1_ratios=(0,)),
            ).fit(x[learn], y[learn])
            p[r][np.ix_(test, model[-1].classes_)] = model.predict_proba(x[test])
    p.astype("<f8").tofile(directory / "p-scikit-learn.f64")


def row_losses(p, y, tested):
    right, losses = p.argmax(-1) == y, -np.log(np.clip(p[:, np.arange(len(y)), y], 1e-15, 1))
    n = np.maximum(tested.sum(0), 1)  # a row's mean over the repetitions
    return (right * tested).sum(0) / n, (losses * tested).sum(0) / n, tested.any(0)


def table(directory, names):
    print("| task | rows, values, classes | kind | accuracy | log loss | log loss - scikit-learn's, ± standard error |")
    print("| --- | --- | --- | ---: | ---: | ---: |")
    for name in names:
        task, x, y, fold = read(directory / name)
        tested = fold < task["folds"] if task["folds"] > 1 else fold == 0
        base = None
        for kind in ["scikit-learn", "plain", "softmax", "auto"]:
            file = directory / name / f"p-{kind}.f64"
            if not file.exists():
                continue
            p = np.fromfile(file).reshape(task["repeats"], len(y), -1)
            right, losses, any_ = row_losses(p, y, tested)
            right, losses = right[any_], losses[any_]
            base = losses if base is None and kind == "scikit-learn" else base
            beside = ""
            if base is not None and kind != "scikit-learn":
                d = losses - base
                beside = f"{d.mean():+.4f} ± {d.std(ddof=1) / len(d) ** 0.5:.4f}"
            what = f"{task['rows']:,}, {task['cols']:,}, {task['classes']}" if kind == "scikit-learn" else ""
            print(f"| {name} | {what} | {kind} | {100 * right.mean():.2f} % | {losses.mean():.4f} | {beside} |")


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]), *sys.argv[3:])
elif sys.argv[1] == "fit":
    fit(pathlib.Path(sys.argv[2]) / sys.argv[3])
else:
    table(pathlib.Path(sys.argv[2]), sys.argv[3:])
