"""Runs the Python snippets of a Markdown file and compares what they compute with what was
written, bit by bit.

    check_cookbook.py COOKBOOK.md EXPECTED [[-]NAME...]

The working directory holds the datasets that the snippets read. EXPECTED is a directory with
rows.json (path, label of each row) and LAYER.f32, the values of all rows. A snippet starts with
```python NAME; CHECKS has a function for each NAME. NAMEs as arguments choose some, -NAMEs leave some out. A
snippet that needs one of the OPTIONAL packages is skipped if that is not installed, and so is
Spark's where there is no Java; the reason is printed. A snippet without a check, or the reverse, is
an error.
"""

import json
import os
import re
import shutil
import sys

import numpy as np

OPTIONAL = ("sklearn", "tensorflow")
SIZES = {"pool5": (7, 7, 512), "fc7": (4096,)}


def same(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: {str(got)[:500]} instead of {str(want)[:500]}")


def bits(what, got, want):
    same(f"{what}: type", (got.dtype, got.shape), (want.dtype, want.shape))
    differ = np.argwhere(np.ascontiguousarray(got).view(np.uint32) != want.view(np.uint32))
    same(f"{what}: places that differ", differ[:3].tolist(), [])


class Expected:
    def __init__(self, folder):
        with open(os.path.join(folder, "rows.json"), encoding="utf-8") as f:
            rows = json.load(f)
        self.paths = [r["path"] for r in rows]
        self.labels = [r["label"] for r in rows]
        self.cats = [i for i, label in enumerate(self.labels) if label == "cat"]
        for layer, shape in SIZES.items():
            values = np.fromfile(os.path.join(folder, f"{layer}.f32"), dtype="<f4")
            setattr(self, layer, values.reshape(len(rows), *shape))


def pyarrow(e, n):
    same("pyarrow: paths", n["table"]["path"].to_pylist(), [e.paths[i] for i in e.cats])
    bits("pyarrow", n["cats"], e.pool5[e.cats])


def tensor(e, n):
    """Here is also what docs/datasets.md says about the other readers."""
    import datasets, duckdb, pandas, polars

    kind = "arrow.fixed_shape_tensor"
    same("tensor: type", kind in str(n["column"].type), True)
    bits("tensor", n["x"], e.pool5)
    flat, files = e.pool5.reshape(len(e.paths), -1), "features-tensor/data/*.parquet"
    frame = polars.read_parquet(files)
    same("tensor: polars", str(frame.schema["pool5"]).startswith(f"Extension('{kind}'"), True)
    bits("tensor: polars", frame["pool5"].to_numpy(), flat)
    bits("tensor: pandas", np.stack(pandas.read_parquet("features-tensor/data")["pool5"]), flat)
    same("tensor: duckdb", str(duckdb.sql(f"SELECT pool5 FROM '{files}'").types[0]), "FLOAT[]")
    try:
        datasets.load_dataset("parquet", data_files=files, split="train")
    except ValueError:
        return
    raise SystemExit("tensor: Hugging Face datasets reads it, which docs/datasets.md denies")


def metadata(e, n):
    same("metadata", (n["model"], n["shape"]), ("vgg16", [7, 7, 512]))
    same("recipe", [layer["name"] for layer in n["recipe"]["layers"]], ["pool5", "fc7"])


def pandas(e, n):
    same("pandas: labels", n["labels"].tolist(), e.labels)
    bits("pandas", n["x"], e.fc7)


def polars(e, n):
    same("polars: type", str(n["cats"].schema["fc7"]), "Array(Float32, shape=(4096,))")
    same("polars: paths", n["cats"]["path"].to_list(), [e.paths[i] for i in e.cats])
    bits("polars", n["x"], e.fc7[e.cats])


def failures(e, n):
    same("failures", n["failures"].to_dicts(), [{"stage": "decode", "len": 1}])


def duckdb(e, n):
    x = e.fc7.astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    query = e.paths.index("cat/7.jpg")
    similarity = x @ x[query]
    order = [i for i in np.argsort(-similarity, kind="stable") if i != query][:5]
    got = n["nearest"]
    same("duckdb: nearest", [(p, l) for p, l, _ in got], [(e.paths[i], e.labels[i]) for i in order])
    same("duckdb: similarity", bool(np.allclose([s for _, _, s in got], similarity[order], atol=1e-6)), True)


def datasets(e, n):
    same("datasets: type", repr(n["features"]["fc7"]), "List(Value('float32'), length=4096)")
    same("datasets: types", [n["features"][c].dtype for c in ("path", "label", "width")], ["string", "string", "int32"])
    same("datasets: paths", n["dataset"]["path"][:], e.paths)
    bits("datasets", n["x"], e.fc7)


def spark(e, n):
    want = {"path": "string", "label": "string", "split": "string", "sha256": "string", "width": "int",
            "height": "int", "pool5": "array<float>", "fc7": "array<float>"}
    same("spark: types", n["types"], want)
    order = sorted(range(len(e.paths)), key=lambda i: e.paths[i])
    same("spark: paths", [r.path for r in n["vectors"]], [e.paths[i] for i in order])
    # Spark's vectors are of doubles, which hold every float.
    bits("spark", np.array([r.features.toArray() for r in n["vectors"]]).astype(np.float32), e.fc7[order])
    raw = [row.pool5 for row in n["frame"].select("pool5").limit(3).collect()]
    bits("spark: arrays", np.array(raw, dtype=np.float32), e.pool5[order[:3]].reshape(3, -1))
    n["spark"].stop()


def numpy(e, n):
    import pyarrow as pa

    bits("numpy", np.concatenate(n["parts"]), e.fc7)
    same("numpy: memory for mapped vectors is small", pa.total_allocated_bytes() < e.fc7.nbytes // 10, True)


def npy(e, n):
    same("npy: paths", n["rows"]["path"].tolist(), e.paths)
    bits("npy", n["x"], e.fc7)


def scikit_learn(e, n):
    same("scikit-learn: learns its own rows", n["accuracy"] > 0.95, True)


def tensorflow(e, n):
    same("tensorflow: paths", [r["path"].decode() for r in n["rows"]], e.paths)
    same("tensorflow: labels", [r["label"].decode() for r in n["rows"]], e.labels)
    bits("tensorflow", np.stack([r["fc7"] for r in n["rows"]]), e.fc7)


CHECKS = {
    "numpy": numpy,  # first: it looks at the memory in use
    "pyarrow": pyarrow, "tensor": tensor, "metadata": metadata, "pandas": pandas, "polars": polars, "failures": failures,
    "duckdb": duckdb, "datasets": datasets, "spark": spark, "npy": npy, "scikit-learn": scikit_learn,
    "tensorflow": tensorflow,
}


def main():
    cookbook, folder, *chosen = sys.argv[1:]
    with open(cookbook, encoding="utf-8") as f:
        text = f.read()
    snippets = re.findall(r"^```python (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    same("snippets", sorted(name for name, _ in snippets), sorted(CHECKS))
    same("blocks of Python without a name", len(re.findall(r"^```python", text, re.MULTILINE)), len(snippets))
    left_out = [name[1:] for name in chosen if name.startswith("-")]
    wanted = [name for name in chosen if not name.startswith("-")]
    e, source = Expected(folder), dict(snippets)
    done = []
    for name, check in CHECKS.items():
        if name in left_out or wanted and name not in wanted:
            continue
        namespace = {}
        if name == "spark" and not (os.environ.get("JAVA_HOME") or shutil.which("java")):
            print("skipped: spark, because there is no Java: neither JAVA_HOME nor a program java on the PATH")
            continue
        try:
            exec(compile(source[name], f"{cookbook}: {name}", "exec"), namespace)
        except ModuleNotFoundError as missing:
            if missing.name not in OPTIONAL:
                raise
            print(f"skipped: {name}, because {missing.name} is not installed")
            continue
        check(e, namespace)
        done.append(name)
    if done:
        print(f"{len(e.paths)} rows: {', '.join(done)} agree")


main()
