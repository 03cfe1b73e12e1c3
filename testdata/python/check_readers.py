"""Points programs that read Parquet at a dataset's directory, at its data/ and, where they know
patterns, at **/*.parquet, and compares what they read with what was written.

    check_readers.py SPEC

SPEC is a JSON file: a list of datasets, each with name, dataset (the directory), expected (as for
check_dataset.py) and strict. A reader reads all rows right, to the bit, or refuses by an error.
Where it is strict, each must do what TABLE says, which docs/datasets.md shows; elsewhere either
will do, and data/ must be read by most.

A reader that is not installed is skipped; the reason is printed.
"""

import contextlib
import glob
import io
import json
import os
import shutil
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")

READS, REFUSES = "reads", "refuses"

# What each does with the directory itself. All read data/, and patterns where they know them.
TABLE = {
    "pyarrow": READS, "pandas": READS, "polars": REFUSES, "duckdb": READS, "datasets": READS,
    "spark": REFUSES, "fastparquet": READS, "daft": REFUSES, "datafusion": REFUSES, "clickhouse": REFUSES,
    "dask": READS,
}


def same(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: {str(got)[:500]} instead of {str(want)[:500]}")


class Expected:
    def __init__(self, folder):
        with open(os.path.join(folder, "expected.json"), encoding="utf-8") as f:
            self.__dict__.update(json.load(f))
        self.paths = [row["path"] for row in self.rows]
        self.vectors = {}
        for i, layer in enumerate(self.layers):
            flat = np.fromfile(os.path.join(folder, f"{i}.f32"), dtype="<f4")
            self.vectors[layer["name"]] = flat.reshape(len(self.rows), layer["size"])

    def check(self, what, paths, vectors):
        """vectors: for each layer the rows' vectors, in the order of paths."""
        same(f"{what}: paths", sorted(paths), sorted(self.paths))
        at = {path: i for i, path in enumerate(self.paths)}
        order = [at[path] for path in paths]
        same(f"{what}: layers", sorted(vectors), sorted(self.vectors))
        for layer, got in vectors.items():
            want = self.vectors[layer][order]
            got = np.array([np.asarray(v, dtype=np.float32) for v in got], dtype=np.float32)
            same(f"{what}: shape of {layer}", got.shape, want.shape)
            differ = np.argwhere(got.view(np.uint32) != np.ascontiguousarray(want).view(np.uint32))
            same(f"{what}: places where {layer} differs", differ[:3].tolist(), [])


def columns(e, names, take):
    """Of a table with the columns names: the paths and vectors. Readers may add a column of their
    own that names the directory."""
    known = [c for c in names if c not in ("dir0",)]
    if "pool5" not in known:
        raise SystemExit(f"the columns are {names}")
    return take("path"), {layer["name"]: take(layer["name"]) for layer in e.layers}


def arrow(e, table):
    def take(name):
        column = table[name]
        if name == "path":
            return column.to_pylist()
        import pyarrow as pa
        chunks = [c.storage if isinstance(c, pa.ExtensionArray) else c for c in column.chunks]
        return [v for c in chunks for v in c.to_pylist()]
    return columns(e, table.column_names, take)


def frame(e, f):
    return columns(e, list(f.columns), lambda name: f[name].tolist())


def read_pyarrow(e, place):
    import pyarrow.dataset
    return arrow(e, pyarrow.dataset.dataset(place, format="parquet").to_table())


def read_pandas(e, place):
    import pandas
    return frame(e, pandas.read_parquet(place))


def read_polars(e, place):
    import polars
    f = polars.read_parquet(place)
    return columns(e, f.columns, lambda name: f[name].to_list() if name == "path" else list(f[name].to_numpy()))


def read_duckdb(e, place):
    import duckdb
    r = duckdb.connect().sql(f"SELECT * FROM read_parquet('{place}')")
    rows, names = r.fetchall(), r.columns
    return columns(e, names, lambda name: [row[names.index(name)] for row in rows])


def read_datasets(e, place):
    import datasets
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        d = datasets.load_dataset(place, cache_dir=cache)
        same("datasets: splits", list(d), ["train"])
        d = d["train"]
        return columns(e, d.column_names, lambda name: d[name][:])


session = None


def read_spark(e, place):
    global session
    import pyspark.sql
    if session is None:
        if not shutil.which("java"):
            raise ImportError("there is no Java")
        session = pyspark.sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
    rows = session.read.parquet(place).collect()
    return columns(e, rows[0].__fields__, lambda name: [row[name] for row in rows])


def read_fastparquet(e, place):
    import fastparquet
    f = fastparquet.ParquetFile(place).to_pandas()
    if e.dtype == "float16" and isinstance(f["fc7"][0][0], bytes):
        raise TypeError("float16 comes as bytes")
    return frame(e, f)


def read_daft(e, place):
    import daft
    table = daft.read_parquet(place).to_arrow()
    return arrow(e, table)


def read_datafusion(e, place):
    import datafusion
    context = datafusion.SessionContext()
    context.register_parquet("t", place)
    return arrow(e, context.sql("SELECT * FROM t").to_arrow_table())


def read_clickhouse(e, place):
    import chdb
    import pyarrow
    answer = chdb.query(f"SELECT * FROM file('{place}')", "Arrow").bytes()
    table = pyarrow.ipc.open_file(pyarrow.BufferReader(answer)).read_all()
    return arrow(e, table.set_column(table.column_names.index("path"), "path", table["path"].cast(pyarrow.string())))


def read_dask(e, place):
    import dask
    import dask.dataframe
    with dask.config.set({"dataframe.convert-string": False}):
        return frame(e, dask.dataframe.read_parquet(place).compute(scheduler="synchronous"))


PATTERNS = ("polars", "duckdb", "daft", "clickhouse")


def attempt(name, e, place):
    """What becomes of a reader at a place. The wrong rows end the program."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            got = globals()["read_" + name](e, place)
    except ImportError:
        raise
    except Exception as error:  # whatever a reader refuses by
        return REFUSES, " ".join(str(error).split())[:100]
    e.check(f"{name} at {place}", *got)
    return READS, ""


def check_clickhouse(e, place):
    """Its functions of distance want arrays of numbers that cannot be null."""
    import chdb
    for layer in e.layers:
        name = layer["name"]
        query = f"""WITH (SELECT `{name}` FROM file('{place}') WHERE path = '{e.paths[0]}') AS first
            SELECT path, toTypeName(`{name}`) AS t, L2Distance(`{name}`, first) AS l2, cosineDistance(`{name}`, first) AS cosine,
                   dotProduct(`{name}`, first) AS dot FROM file('{place}') ORDER BY path"""
        rows = [json.loads(line) for line in str(chdb.query(query, "JSONEachRow")).splitlines()]
        order = sorted(range(len(e.paths)), key=lambda i: e.paths[i].encode())
        same("clickhouse: paths", [r["path"] for r in rows], [e.paths[i] for i in order])
        same(f"clickhouse: type of {name}", {r["t"] for r in rows}, {"Array(Float32)"})
        x = e.vectors[name][order].astype(np.float64)
        first = e.vectors[name][0].astype(np.float64)
        want = {"l2": np.linalg.norm(x - first, axis=1), "dot": x @ first,
                "cosine": 1 - x @ first / np.linalg.norm(x, axis=1) / np.linalg.norm(first)}
        for function, values in want.items():
            got = np.array([float(r[function]) for r in rows])
            same(f"clickhouse: {function} of {name}", bool(np.allclose(got, values, rtol=1e-4, atol=1e-5)), True)


def check(spec):
    e, top = Expected(spec["expected"]), spec["dataset"]
    data, did, refused = os.path.join(top, "data"), [], {}
    for name, want in TABLE.items():
        places = {"the top": top, "data/": data}
        if name == "clickhouse":  # which wants patterns
            places = {"the top": os.path.join(top, "*"), "data/": os.path.join(data, "*.parquet")}
        if name in PATTERNS:
            places["**"] = os.path.join(top, "**", "*.parquet")
        try:
            outcome = {where: attempt(name, e, place) for where, place in places.items()}
        except ImportError as missing:
            print(f"skipped: {name}: {missing}")
            continue
        did.append(name)
        if spec["strict"]:
            wanted = {where: want if where == "the top" else READS for where in places}
            same(f"{spec['name']}: {name} ({outcome})", {where: o[0] for where, o in outcome.items()}, wanted)
        elif outcome["data/"][0] == REFUSES:
            refused[name] = outcome["data/"][1]
    if spec["strict"] and "clickhouse" in did:
        check_clickhouse(e, os.path.join(data, "*.parquet"))
    same(f"{spec['name']}: most read it", len(refused) < len(did) / 2, True)
    print(f"{spec['name']}: {len(e.rows)} rows in {len(glob.glob(data + '/*'))} files: {', '.join(did)} read them or refuse them; data/ is refused by {refused or 'none'}")


with open(sys.argv[1], encoding="utf-8") as f:
    for spec in json.load(f):
        check(spec)
