#!/usr/bin/env bash
# fastparquet 2026.9.0: integers that are far apart come as others from delta encoding, and lists of boxes as None.
#
# One would guess: ParquetFile.to_pandas() gives the values that are in the file, or an error, as it does for encodings that it does not have
# ("NotImplementedError: Encoding 6").
# What happens, without an error or a warning:
#   1. DELTA_BINARY_PACKED of 32 and 64 bits is right as long as differences of neighbours take up to 27 bits or so. From 2^28 on, differences
#      are cut off, and since each value is the one before and a difference, all after the first are wrong: 0, 268435456, 0 becomes 0,
#      268435456, 0, -268435456. DuckDB writes integers so if it is asked for the newer version of Parquet (parquet_version v2).
#   2. Lists within lists, and lists of records, are None in each row: boxes and polygons of pictures, and tokens of sentences. Lists alone
#      are right, and so are records.
#   3. Half floats are two bytes each, as are those in lists.
# Its documentation says since March 2026 that it is being retired, since pandas 3 depends on pyarrow; pandas still reads by it where it is
# told to (engine="fastparquet"). This is with pandas 2, for which it was made.
# Who is hurt: those who read hashes, identifiers, seeds and times of features and labels by pandas' engine="fastparquet": joins find
# nothing, or something else; and a data set of objects seems to have no object in any picture.
# Remedy: pyarrow, which reads all of them.
# Seen on 2026-12-01, with pyarrow 26.0.1, duckdb 2.0.1, pandas 2.3.3 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check fastparquet==2026.9.0 pyarrow==26.0.1 duckdb==2.0.1 pandas==2.3.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import duckdb
import fastparquet
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def read(name="x.parquet"):
    """By fastparquet and by pyarrow."""
    return fastparquet.ParquetFile(name).to_pandas()["x"].tolist(), pq.read_table(name)["x"].to_pylist()


# 1.
for kind in (np.int32, np.int64):
    for bits in range(4, 31):
        numbers = np.array([0, 1 << bits, 0, 1 << bits] * 50, kind)
        pq.write_table(pa.table({"x": numbers}), "x.parquet", use_dictionary=False, column_encoding={"x": "DELTA_BINARY_PACKED"})
        seen, right = read()
        assert right == numbers.tolist()
        if bits in (24, 28, 30):
            print(f"{kind.__name__}, deltas of {bits} bits: {right[:5]} is read as {seen[:5]}")
        assert (seen == right) == (bits < 27), "it changed"
hashes = np.random.default_rng(7).integers(0, 2**31, 1000)
duckdb.sql("SELECT unnest($1::BIGINT[]) AS x", params=[hashes.tolist()]).write_parquet("x.parquet")
assert read()[0] == hashes.tolist()
duckdb.sql("COPY (SELECT * FROM 'x.parquet') TO 'v2.parquet' (parquet_version v2)")
seen, right = read("v2.parquet")
print(f"DuckDB, v2: {sum(a != b for a, b in zip(seen, right))} of {len(right)} hashes are others, from {right[0]}, {right[1]}, {right[2]} on")
assert right == hashes.tolist() and sum(a != b for a, b in zip(seen, right)) > 900, "it changed"

# 2.
boxes = [[[1.0, 2.0, 30.0, 40.0], [5.0, 6.0, 70.0, 80.0]], [], [[9.0, 10.0, 11.0, 12.0]]]
objects = [[{"label": 3, "score": 0.5}], [{"label": 1, "score": 0.25}, {"label": 3, "score": 1.0}]]
for name, column in (("boxes", pa.array(boxes, pa.list_(pa.list_(pa.float32())))), ("boxes of 4", pa.array(boxes, pa.list_(pa.list_(pa.float32(), 4)))),
                     ("objects", pa.array(objects))):
    pq.write_table(pa.table({"x": column}), "x.parquet")
    seen, right = read()
    print(f"{name}: {right} is read as {seen}")
    assert right == column.to_pylist() and seen == [None] * len(right), "it changed"
pq.write_table(pa.table({"x": pa.array(boxes[0], pa.list_(pa.float32()))}), "x.parquet")
assert [list(row) for row in read()[0]] == boxes[0]

# 3.
pq.write_table(pa.table({"x": pa.array(np.array([1.5, -2], np.float16))}), "x.parquet")
seen, right = read()
print(f"half floats: {right} is read as {seen}")
assert seen == [b"\x00>", b"\x00\xc0"], "it changed"
PYTHON
