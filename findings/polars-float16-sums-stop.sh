#!/usr/bin/env bash
# polars 2.1.0: sums of Float16 in vectors and groups stop growing at 2048 times the value.
#
# One would guess: sums of half floats are computed in something wider and rounded at the end, as Series.sum() does: of 25,088
# ones it gives 25088, which Float16 can hold.
# What happens: arr.sum(), list.sum(), and sum() within group_by add up in Float16, one value after another. From 2048 times
# the value on, adding another changes nothing: vectors of 3,000, 25,088 and 100,000 ones all have the sum 2048, without an
# error, and so have squared lengths and dot products by arr.sum(). mean() of the same vectors and groups is right, and so is
# sum() of the whole column, so a sum and a mean that disagree by a factor of 12 stand side by side.
# Who is hurt: features and embeddings stored as half floats, to halve the files: norms, cosines and normalized vectors.
# Remedy: cast(pl.Array(pl.Float32, n)), or cast(pl.Float32) of a column, before the sum.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

for length in (2048, 3000, 25088):
    ones = pa.array(np.ones(2 * length, np.float16))
    pq.write_table(pa.table({"label": ["cat", "dog"], "x": pa.FixedSizeListArray.from_arrays(ones, length)}), "x.parquet")
    frame = pl.read_parquet("x.parquet")
    assert frame.schema["x"] == pl.Array(pl.Float16, length)
    x = pl.col("x")
    seen = {
        "arr.sum": frame.select(x.arr.sum()).item(0, 0),
        "list.sum": frame.select(x.arr.to_list().list.sum()).item(0, 0),
        "arr.sum of squares": frame.select((x * x).arr.sum()).item(0, 0),
        "group_by, sum": frame.explode("x").group_by("label").agg(x.sum())["x"][0],
        "arr.mean * length": frame.select(x.arr.mean()).item(0, 0) * length,
        "cast, arr.sum": frame.select(x.cast(pl.Array(pl.Float32, length)).arr.sum()).item(0, 0),
        "sum of a column": frame.head(1).explode("x")["x"].sum(),
    }
    print(f"{length} ones:", ", ".join(f"{name} {value:.0f}" for name, value in seen.items()))
    right = [name for name, value in seen.items() if value == length]
    assert all(value in (2048, length) for value in seen.values()), "it changed"
    assert length == 2048 or right == ["arr.mean * length", "cast, arr.sum", "sum of a column"], "it changed"
PYTHON
