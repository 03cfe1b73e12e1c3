"""Reads datasets with pyarrow, pandas, Polars and DuckDB and compares every column with
what was written, bit by bit.

Each line that it is given is a list in JSON, [DATASET, EXPECTED]. EXPECTED is a directory with expected.json (format, dtype, layers with their sizes and
shapes, rows without vectors, failures) and, for each layer, N.f32: the values of all rows as
little-endian float32, already rounded to the stored type.

It answers each line with one: {"agree": what it has compared}, or, at the first difference,
{"error": what it is}. One process is for many datasets, since the readers take long to load.
"""

import glob
import json
import os
import sys
import traceback

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

STRINGS = ["path", "label", "split", "sha256"]
NUMBERS = ["width", "height"]
NULLABLE = ["label", "split", "group", "crs"]
BOUNDS = ["x_min", "y_min", "x_max", "y_max"]


class Different(Exception):
    pass


def same(what, got, want):
    if got != want:
        raise Different(f"{what}: {str(got)[:500]} instead of {str(want)[:500]}")


class Expected:
    def __init__(self, folder):
        with open(os.path.join(folder, "expected.json"), encoding="utf-8") as f:
            self.__dict__.update(json.load(f))
        self.values = {}
        for i, layer in enumerate(self.layers):
            flat = np.fromfile(os.path.join(folder, f"{i}.f32"), dtype="<f4")
            self.values[layer["name"]] = flat.reshape(len(self.rows), layer["size"])
        self.numpy = np.float16 if self.dtype == "float16" else np.float32
        # Columns on request, of which those of the georeference come together.
        self.strings = STRINGS + (["group"] if self.group else []) + (["crs"] if self.georeference else [])
        self.bounds = BOUNDS if self.georeference else []
        self.columns = STRINGS + NUMBERS + self.strings[len(STRINGS):] + self.bounds + [layer["name"] for layer in self.layers]

    def column(self, name):
        return [row[name] for row in self.rows]

    def vectors(self, reader, name, got, dtype=None):
        """got: a two-dimensional array."""
        dtype = np.dtype(dtype or self.numpy)
        want = self.values[name]
        same(f"{reader}: type of {name}", got.dtype, dtype)
        same(f"{reader}: shape of {name}", got.shape, want.shape)
        unsigned = np.uint16 if dtype == np.float16 else np.uint32
        want = np.ascontiguousarray(want.astype(dtype))
        differ = np.argwhere(np.ascontiguousarray(got).view(unsigned) != want.view(unsigned))
        same(f"{reader}: places where {name} differs", differ[:3].tolist(), [])


def check_schema(e, reader, schema):
    same(f"{reader}: columns", schema.names, e.columns)
    for name in e.strings:
        same(f"{reader}: type of {name}", schema.field(name).type, pa.string())
        same(f"{reader}: {name} nullable", schema.field(name).nullable, name in NULLABLE)
    for name in e.bounds:
        same(f"{reader}: type of {name}", schema.field(name).type, pa.float64())
        same(f"{reader}: {name} nullable", schema.field(name).nullable, True)
    for name in NUMBERS:
        same(f"{reader}: type of {name}", schema.field(name).type, pa.int32())
    value = pa.float16() if e.dtype == "float16" else pa.float32()
    for layer in e.layers:
        t = schema.field(layer["name"]).type
        same(f"{reader}: {layer['name']} of a fixed size", pa.types.is_fixed_size_list(t), True)
        same(f"{reader}: null values in {layer['name']}", t.value_field.nullable, False)
        same(f"{reader}: type of {layer['name']}", (t.value_type, t.list_size), (value, layer["size"]))
    metadata = schema.metadata
    for key, want in e.metadata.items():
        same(f"{reader}: metadata {key}", metadata.get(key.encode(), b"").decode(), want)
    for layer in e.layers:
        shape = json.loads(metadata[f"features.{layer['name']}.shape".encode()])
        same(f"{reader}: shape of {layer['name']}", shape, layer["shape"])


def check_levels(e, schema):
    """What Parquet itself says, without the schema of Arrow: one level for the list, none for nulls."""
    for i in range(len(schema)):
        column = schema.column(i)
        if column.max_repetition_level > 0:
            same(f"levels of {column.path}", (column.max_repetition_level, column.max_definition_level), (1, 1))


def check_arrow_table(e, reader, table):
    check_schema(e, reader, table.schema)
    table.validate(full=True)
    same(f"{reader}: rows", table.num_rows, len(e.rows))
    for name in e.strings + NUMBERS + e.bounds:
        same(f"{reader}: {name}", table[name].to_pylist(), e.column(name))
    for layer in e.layers:
        name = layer["name"]
        same(f"{reader}: nulls in {name}", table[name].null_count, 0)
        arrays = [c.flatten().to_numpy(zero_copy_only=False) for c in table[name].chunks]
        flat = np.concatenate(arrays) if arrays else np.zeros(0, e.numpy)
        e.vectors(reader, name, flat.reshape(-1, layer["size"]))


def check_pyarrow(e, data):
    table = ds.dataset(data, format="parquet" if e.format == "parquet" else "ipc").to_table()
    check_arrow_table(e, "pyarrow.dataset", table)
    files = sorted(glob.glob(os.path.join(data, "*")))
    if e.format == "parquet":
        check_arrow_table(e, "pyarrow.parquet", pq.read_table(data))
        for f in files:
            check_schema(e, "pyarrow footer", pq.read_schema(f))
            check_levels(e, pq.ParquetFile(f).schema)
        return
    tables = [ipc.open_file(pa.memory_map(f)).read_all() for f in files]
    check_arrow_table(e, "pyarrow.ipc", pa.concat_tables(tables))


def check_pyarrow_projection(e, data):
    """One vector column alone: what training code reads."""
    name = e.layers[-1]["name"]
    source = ds.dataset(data, format="parquet" if e.format == "parquet" else "ipc")
    table = source.to_table(columns=[name])
    flat = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    e.vectors("pyarrow projection", name, flat.reshape(-1, e.layers[-1]["size"]))


def check_pandas(e, data):
    if e.format == "parquet":
        frame = pd.read_parquet(data)
    else:
        files = sorted(glob.glob(os.path.join(data, "*")))
        frame = pd.concat([pd.read_feather(f) for f in files], ignore_index=True)
    same("pandas: columns", list(frame.columns), e.columns)
    for name in e.strings + e.bounds:
        got = [None if pd.isna(v) else v for v in frame[name]]
        same(f"pandas: {name}", got, e.column(name))
    for name in NUMBERS:
        same(f"pandas: type of {name}", str(frame[name].dtype), "int32")
        same(f"pandas: {name}", frame[name].tolist(), e.column(name))
    for layer in e.layers:
        e.vectors("pandas", layer["name"], np.stack(frame[layer["name"]].to_list()))


def check_polars(e, data):
    pattern = os.path.join(data, "*")
    frame = pl.read_parquet(pattern) if e.format == "parquet" else pl.read_ipc(pattern)
    same("polars: columns", frame.columns, e.columns)
    for name in e.strings:
        same(f"polars: type of {name}", frame.schema[name], pl.String)
    for name in e.bounds:
        same(f"polars: type of {name}", frame.schema[name], pl.Float64)
    for name in NUMBERS:
        same(f"polars: type of {name}", frame.schema[name], pl.Int32)
    for name in e.strings + NUMBERS + e.bounds:
        same(f"polars: {name}", frame[name].to_list(), e.column(name))
    value = pl.Float16 if e.dtype == "float16" else pl.Float32
    for layer in e.layers:
        name = layer["name"]
        same(f"polars: type of {name}", frame.schema[name], pl.Array(value, layer["size"]))
        e.vectors("polars", name, frame[name].to_numpy().reshape(-1, layer["size"]))


def check_duckdb(e, data):
    """DuckDB has lists of any length and widens float16."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    relation = connection.sql(f"SELECT * FROM read_parquet('{data}/*.parquet')")
    same("duckdb: columns", relation.columns, e.columns)
    for name, t in zip(relation.columns, relation.types):
        plain = dict.fromkeys(e.strings, "VARCHAR") | dict.fromkeys(NUMBERS, "INTEGER") | dict.fromkeys(e.bounds, "DOUBLE")
        want = plain.get(name, "FLOAT[]")
        same(f"duckdb: type of {name}", str(t), want)
    rows = relation.fetchall()
    same("duckdb: rows", len(rows), len(e.rows))
    for i, name in enumerate(e.columns):
        got = [row[i] for row in rows]
        if name in e.strings + NUMBERS + e.bounds:
            same(f"duckdb: {name}", got, e.column(name))
        else:
            e.vectors("duckdb", name, np.array(got, dtype=np.float32), np.float32)
    for layer in e.layers:
        name = layer["name"].replace('"', '""')
        query = f'SELECT count("{name}"::FLOAT[{layer["size"]}]) FROM read_parquet(\'{data}/*.parquet\')'
        same(f"duckdb: cast of {name}", connection.sql(query).fetchall()[0][0], len(e.rows))


def check_failures(e, dataset):
    file = os.path.join(dataset, ".fovea", "errors.jsonl")
    names = ["path", "label", "split", "stage", "reason"]
    types = ", ".join(f"{name}: 'VARCHAR'" for name in names)
    with open(file, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    readers = {
        "json": lines,
        "polars": pl.read_ndjson(file, schema={name: pl.String for name in names}).to_dicts(),
        "duckdb": [dict(zip(names, row)) for row in duckdb.sql(
            f"SELECT * FROM read_json('{file}', format = 'newline_delimited', columns = {{{types}}})").fetchall()],
    }
    for reader, got in readers.items():
        same(f"{reader}: failures", got, e.failures)
    for line in lines:
        same("errors.jsonl: names", list(line), names)


def check(dataset, expected):
    data = os.path.join(dataset, "data")
    e = Expected(expected)
    check_failures(e, dataset)
    done = ["pyarrow", "pandas", "polars"]
    check_pyarrow(e, data)
    check_pyarrow_projection(e, data)
    check_pandas(e, data)
    check_polars(e, data)
    if e.format == "parquet":  # DuckDB reads no Arrow files
        check_duckdb(e, data)
        done.append("duckdb")
    return f"{len(e.rows)} rows, {len(e.failures)} failures: {', '.join(done)} agree"


same("arguments", sys.argv[1:], [])
for line in sys.stdin:
    try:
        answer = {"agree": check(*json.loads(line))}
    except BaseException:  # what Rust panics with is no Exception
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
