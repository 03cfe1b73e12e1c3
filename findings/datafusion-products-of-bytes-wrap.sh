#!/usr/bin/env bash
# datafusion 55.0.0: sums, products and negations of columns of bytes wrap, and the median of half floats is infinite.
#
# One would guess: SQL gives u * u of a column of bytes with room for it, as ClickHouse does, or an error, as DuckDB and PostgreSQL do, and as
# DataFusion itself does of abs(-128); and a median lies between the smallest and the largest value.
# What happens, without an error:
#   1. u + u, u * u and -i of two columns of 8 bits have 8 bits: 200 * 200 is 64, 200 + 200 is 144, and -(-128) is -128. So it is within sum(),
#      avg() and stddev(), which are computed in 64 bits afterwards: the mean square of 200 and 100 is 40. With a number beside the column (u * 2) it
#      is right, and so is i - u of both kinds.
#   2. median() of Float16 adds the two in the middle up in half floats: of two times 40,000 it is infinite. percentile_cont(h, 0.5), avg() and
#      stddev() are right.
# Who is hurt: those who compute squared distances, norms and variances of pixels, votes and embeddings quantized to bytes in SQL: what is nearest
# is chance, and bright pixels have no energy.
# Remedy: CAST(u AS INT) or inner_product() and array_distance() of lists, which compute in floats; percentile_cont for 2.
# Seen on 2026-12-01, with duckdb 2.0.1, pyarrow 26.0.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datafusion==55.0.0 duckdb==2.0.1 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import datafusion
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

u = np.array([200, 100], np.uint8)
i = np.array([-128, 127], np.int8)
h = np.array([40000, 40000], np.float16)
pq.write_table(pa.table({"u": u, "i": i, "h": h}), "t.parquet")
context = datafusion.SessionContext()
context.register_parquet("t", "t.parquet")
u, i, h = (v.astype(float) for v in (u, i, h))


def ask(query):
    return float(context.sql(f"SELECT {query} AS r FROM t").to_pydict()["r"][0])


for query, right, expected in (
        ("sum(u * u)", (u * u).sum(), 80), ("avg(u * u)", (u * u).mean(), 40), ("avg(u + u)", (u + u).mean(), 172),
        ("stddev_pop(u * u)", (u * u).std(), 24), ("sum(i * i)", (i * i).sum(), 1), ("max(-i)", (-i).max(), -127),
        ("sum(u * 2)", (u * 2).sum(), None), ("sum(i - u)", (i - u).sum(), None), ("sum(CAST(u AS INT) * u)", (u * u).sum(), None),
        ("sum(u)", u.sum(), None), ("median(u)", np.median(u), None), ("median(h)", np.median(h), np.inf),
        ("percentile_cont(h, 0.5)", np.median(h), None), ("avg(h)", h.mean(), None)):
    seen = ask(query)
    print(f"{query}: {seen:g}, right is {right:g}")
    wanted = right if expected is None else expected
    assert seen == wanted or abs(seen - wanted) < 1e-6, "it changed"

for query in ("sum(u * u)", "sum(u + u)", "sum(i * i)"):
    try:
        print("DuckDB:", duckdb.connect().execute(f"SELECT {query} FROM 't.parquet'").fetchall())
        raise SystemExit("DuckDB changed")
    except duckdb.OutOfRangeException as error:
        print("DuckDB:", str(error).splitlines()[0])
try:
    ask("max(abs(i))")
    raise SystemExit("abs changed")
except Exception as error:
    assert "overflow" in str(error).lower()
PYTHON
