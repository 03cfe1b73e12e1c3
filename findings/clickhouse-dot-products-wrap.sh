#!/usr/bin/env bash
# chdb 4.4.0 (ClickHouse 26.9): dotProduct of vectors of bytes wraps at 16 bits, and columns with NaN have the deviation 0.
#
# One would guess: dotProduct() has room for the sum of the products, as it does for tuples of the same numbers, for L2SquaredNorm() and
# L2Distance() of the same arrays, and as sum() has for columns of bytes; and a deviation of NaN is NaN, as avg() is.
# What happens, without an error:
#   1. dotProduct(), by its other name scalarProduct(), of Array(UInt8) and Array(Int8) multiplies and adds up in 16 bits: of
#      200, 200 with itself it is 14,464 instead of 80,000, and of -128 three times it is below 0. Of 16 bits, it adds up in 32; of 32, in 64.
#      Tuples, and arrays of which one is of floats, are right.
#   2. varPop(), varSamp(), stddevPop() and stddevSamp() of columns with NaN are 0: nothing varies. varPopStable(), avg() and corr() are NaN.
#      The documentation calls the former numerically unstable.
# Who is hurt: those who search in embeddings quantized to bytes by the largest dot product: with 64 numbers and more, which is nearest is
# chance, and a vector's product with itself can be below 0; and those who look for features and losses that do not vary, and find those
# that have failed.
# Remedy: arrayMap(x -> toInt32(x), v) of one of both, or cosineDistance() and L2Distance(); the functions with Stable in their names.
# Seen on 2026-12-01, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check chdb==4.4.0 chdb-core==26.9.0 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import chdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def ask(query):
    """The rows of a query."""
    return [json.loads(line) for line in str(chdb.query(query + " SETTINGS output_format_json_quote_denormals = 1", "JSONCompactEachRow")).splitlines()]


print("ClickHouse", ask("SELECT version()")[0][0])
for numbers, kind, expected in (
        ([200, 200], "UInt8", 14464), ([100] * 4, "Int8", -25536), ([-128] * 3, "Int8", -16384), ([100, 100], "UInt8", 20000),
        ([60000] * 3, "UInt16", 3 * 60000 ** 2 % 2 ** 32)):
    right = int(np.dot(np.array(numbers, object), np.array(numbers, object)))
    array, items = f"CAST({numbers}, 'Array({kind})')", ", ".join(f"to{kind}({n})" for n in numbers)
    row = ask(f"SELECT dotProduct({array}, {array}), dotProduct(({items}), ({items})), L2SquaredNorm({array}), "
              f"dotProduct({array}, arrayMap(x -> toFloat64(x), {array}))")[0]
    seen, of_tuples, squared, mixed = (int(v) for v in row)
    print(f"{kind} {numbers}: {seen}, of tuples {of_tuples}, squared length {squared}")
    if kind != "UInt16":
        assert of_tuples == right
    assert squared == right and mixed == right
    assert seen == expected, "it changed"

# A search: the vectors are in a Parquet file, as they come from a network.
rng = np.random.default_rng(7)
centres = rng.normal(size=(20, 256))
vectors = centres[np.arange(400) % 20] + rng.normal(size=(400, 256))
bytes_ = np.clip(np.rint(vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * 127 * 4), -127, 127).astype(np.int8)
pq.write_table(pa.table({"id": np.arange(400), "v": pa.array(list(bytes_), pa.list_(pa.field("element", pa.int8(), nullable=False)))}), "v.parquet")
products = bytes_.astype(int) @ bytes_.astype(int).T
same = np.arange(400)[:, None] % 20 == np.arange(400) % 20
shares = {}
for name, vector in (("bytes", "v"), ("made int32", "arrayMap(x -> toInt32(x), v)")):
    rows = ask(f"SELECT a.id, b.id, dotProduct(a.v, b.v) FROM (SELECT id, {vector} AS v FROM file('v.parquet') WHERE id < 100) AS a "
               "CROSS JOIN (SELECT id, v FROM file('v.parquet')) AS b")
    found = np.zeros((100, 400), int)
    for a, b, product in rows:
        found[int(a), int(b)] = int(product)
    wrong = (found != products[:100]).sum()
    np.fill_diagonal(found, np.iinfo(int).min)
    shares[name] = same[np.arange(100), found.argmax(axis=1)].mean()
    print(f"{name}: {wrong} of 40000 products are wrong, and the nearest is of the same class for {shares[name]:.0%}")
    assert (wrong == 0) == (name != "bytes"), "it changed"
assert shares["made int32"] == 1 and shares["bytes"] < 0.9, "it changed"

row = ask("SELECT " + ", ".join(f"{f}(x)" for f in ("varPop", "varSamp", "stddevPop", "stddevSamp", "varPopStable", "stddevSampStable", "avg"))
          + " FROM (SELECT arrayJoin([1, nan, 3, nan, 5]) AS x)")[0]
print("with NaN:", row)
assert row[:4] == [0] * 4, "it changed"
assert row[4:] == ["nan"] * 3
row = ask("SELECT varPop(x), stddevSamp(x) FROM (SELECT arrayJoin([1, 3, 5]) AS x)")[0]
assert np.allclose(row, [8 / 3, 2])
PYTHON
