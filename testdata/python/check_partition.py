"""Reads a table partitioned by label with pyarrow, pandas, Polars, DuckDB and Hugging Face
datasets: each finds all rows, the column by_label of the directories' names, and all columns
of the files.

    check_partition.py DIR EXPECTED.json     # the paths of every label's rows
"""

import json
import sys

import datasets
import duckdb
import pandas
import polars
import pyarrow.parquet as pq

table, expected = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
want = sorted((path, label or None) for label, paths in expected.items() for path in paths)


def check(reader, rows):
    rows = sorted(rows, key=lambda row: row[0])
    got = [(path, label or None) for path, label, _ in rows]
    assert got == want, (reader, got[:5], want[:5])
    for path, label, by in rows:
        assert by == (label or "__none__"), (reader, path, label, by)
    print(reader, len(rows), "rows")


def columns(data):
    return list(zip(data["path"], data["label"], data["by_label"]))


arrow = pq.read_table(table)
assert "pool5" in arrow.column_names or len(arrow.column_names) > 7, arrow.column_names
check("pyarrow", columns(arrow.to_pydict()))
one = pq.read_table(table, filters=[("by_label", "=", "cat")])
assert sorted(one["path"].to_pylist()) == sorted(expected["cat"]), "pyarrow's filter"
frame = pandas.read_parquet(table).astype({"by_label": object, "label": object})
check("pandas", columns(frame.where(frame.notna(), None)))
check("polars", columns(polars.read_parquet(table + "/**/*.parquet", hive_partitioning=True).to_dict(as_series=False)))
rows = duckdb.sql(f"select path, label, by_label from read_parquet('{table}/**/*.parquet', hive_partitioning=true)").fetchall()
check("duckdb", rows)
loaded = datasets.load_dataset("parquet", data_files=table + "/**/*.parquet", split="train", cache_dir=table + ".cache")
assert len(loaded) == len(want)
assert sorted(loaded["path"]) == sorted(path for path, _ in want)
print("datasets", len(loaded), "rows")
