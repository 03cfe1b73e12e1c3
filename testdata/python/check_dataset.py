"""Reads a dataset with pyarrow, pandas, Polars and DuckDB and checks what each of them sees.

    python check_dataset.py DATASET EXPECTED.json

EXPECTED holds, per column, the type that pyarrow must see and the values; vectors are given
as the hex of their little-endian float32 bytes, row after row, so that the comparison is
one of bits.
"""

import json
import pathlib
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

PLAIN = ["path", "label", "split", "sha256", "width", "height"]


def same(reader, column, got, want):
    if got != want:
        sys.exit(f"{reader}: column {column} is {got!r}, want {want!r}")


def vector_bytes(rows):
    return b"".join(np.asarray(row, "<f4").tobytes() for row in rows).hex()


def main():
    root, expected = pathlib.Path(sys.argv[1]), json.loads(pathlib.Path(sys.argv[2]).read_text())
    data, vectors = root / "data", [c for c in expected["values"] if c not in PLAIN]
    values, arrow_files = expected["values"], expected["format"] == "arrow"

    table = ds.dataset(data, format="ipc" if arrow_files else "parquet").to_table()
    for column, kind in expected["types"].items():
        same("pyarrow", f"{column} (type)", str(table.schema.field(column).type), kind)
    for column in PLAIN:
        same("pyarrow", column, table[column].to_pylist(), values[column])
    for column in vectors:
        same("pyarrow", column, vector_bytes(table[column].to_pylist()), values[column])
    metadata = table.schema.metadata
    same("pyarrow", "fingerprint", metadata[b"features.fingerprint"].decode(), expected["fingerprint"])

    if arrow_files:
        for file in sorted(data.iterdir()):
            batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
            for column in vectors:  # zero-copy, or an error
                batch[column].flatten().to_numpy(zero_copy_only=True)
        return

    frame = pl.read_parquet(data / "*.parquet")
    for column in PLAIN:
        same("Polars", column, frame[column].to_list(), values[column])
    for column in vectors:
        same("Polars", column, vector_bytes(frame[column].to_list()), values[column])
        same("Polars", f"{column} (type)", type(frame.schema[column]).__name__, "Array")

    pandas = pd.read_parquet(data)
    for column in ("path", "width"):
        same("pandas", column, pandas[column].tolist(), values[column])
    for column in vectors:
        same("pandas", column, vector_bytes(pandas[column]), values[column])

    names = ", ".join(f'"{c}"' for c in PLAIN + vectors)
    rows = duckdb.sql(f"select {names} from read_parquet('{data}/*.parquet') order by path").fetchall()
    for i, column in enumerate(PLAIN):
        same("DuckDB", column, [r[i] for r in rows], values[column])
    for i, column in enumerate(vectors):
        same("DuckDB", column, vector_bytes([r[len(PLAIN) + i] for r in rows]), values[column])

    failures = pq.read_table(root / "errors.parquet").to_pylist()
    same("pyarrow", "errors", [f["path"] for f in failures], expected["failures"])


main()
