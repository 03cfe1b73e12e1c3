#!/usr/bin/env bash
# pyarrow 26.0.1 and duckdb 2.0.1: filters that are to find NaN in a Parquet file do not find it.
#
# One would guess: a filter gives the same rows whether it is applied while a file is read or afterwards. Parquet's
# specification keeps NaN out of a row group's minimum and maximum, and tells readers to ignore both when they look for NaN.
# What happens, without an error, of a row group that pyarrow wrote with NaN beside numbers:
#   1. pyarrow.dataset and read_table(filters=...) skip it if no number from the minimum to the maximum matches: ~(x <= 6)
#      loses the NaN beside 3, 4 and 5; is_nan(x) and x != 3 lose it where all numbers are the same. Table.filter, of the same
#      table, gives the rows.
#   2. DuckDB skips it, too: isnan(x), x = 'nan' and x > 100 (for DuckDB NaN is the largest number) are empty, and
#      count(*) WHERE isnan(x) is 0, while count(*) FILTER (isnan(x)) of the same file is 1. A file that DuckDB wrote has no
#      minimum in that case, and is right.
# Polars 2.1.0 finds all of them.
# Who is hurt: checks of data for NaN (losses, distances, coordinates) that report none because they are asked of a file.
# Remedy: in DuckDB read_parquet(name, can_have_nan = true); in pyarrow Table.filter after reading, or write_statistics=False.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

seen = {}
for numbers in ((3, 4, 5), (3, 3, 3)):
    table = pa.table({"x": np.array([np.nan, *numbers])})
    pq.write_table(table, "x.parquet")
    x = pc.field("x")
    for name, filter in {"is_nan(x)": pc.is_nan(x), "~(x <= 6)": ~(x <= 6), "x != 3": x != 3}.items():
        reading, after = pq.read_table("x.parquet", filters=filter).num_rows, table.filter(filter).num_rows
        seen[numbers, name] = (reading, after)
        print(f"NaN and {numbers}, pyarrow, {name}: {reading} rows while reading, {after} afterwards")
    for name in ("isnan(x)", "x = 'nan'", "x > 100"):
        reading, after, told = (duckdb.sql(f"SELECT {query} FROM {source}").fetchall()[0][0] for query, source in (
            ("count(*)", f"'x.parquet' WHERE {name}"), (f"count(*) FILTER ({name})", "'x.parquet'"),
            ("count(*)", f"read_parquet('x.parquet', can_have_nan = true) WHERE {name}")))
        seen[numbers, name] = (reading, after, told)
        print(f"NaN and {numbers}, duckdb, {name}: {reading} rows by WHERE, {after} by FILTER, {told} with can_have_nan")
    assert pl.scan_parquet("x.parquet").filter(pl.col("x").is_nan()).collect().height == 1
    assert pl.scan_parquet("x.parquet").filter(pl.col("x") > 100).collect().height == 1
pyarrow = {numbers: tuple(seen[numbers, name] for name in ("is_nan(x)", "~(x <= 6)", "x != 3")) for numbers in ((3, 4, 5), (3, 3, 3))}
assert pyarrow == {(3, 4, 5): ((1, 1), (0, 1), (3, 3)), (3, 3, 3): ((0, 1), (0, 1), (0, 1))}, "it changed"
assert all(value == (0, 1, 1) for value in seen.values() if len(value) == 3), "it changed"
PYTHON
