#!/usr/bin/env bash
# pyarrow 26.0.1: a pyarrow.dataset goes on using the footers of files that have been replaced, and
# filters the new rows by the old statistics.
#
# One would guess: a Dataset that is kept open shows the old rows, the new ones, or an error once its
# files have been replaced, as by a job that renames a new directory over the old one.
# What happens: the first filter or count caches each file's footer. After the exchange, to_table()
# opens the names again and gives the new rows, but row groups are still chosen by the old footers'
# minima and maxima: a filter that matches all new rows gives none, and count_rows() counts rows that are
# not there. It needs files of the same layout (as many rows, the same sizes, which uncompressed
# vectors and numbers have); with others the read fails. A scan that is under way gives rows of both.
# Who is hurt: notebooks and services that hold a Dataset while its directory is refreshed.
# Remedy: make the Dataset anew after every exchange.
# Seen on 2026-11-29.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import os

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq


def make(name, first):
    os.mkdir(name)
    for part in range(3):
        ids = range(first + 10 * part, first + 10 * part + 10)
        table = pa.table({"id": pa.array(ids, pa.int64()), "run": [name] * 10})
        pq.write_table(table, f"{name}/part-{part}.parquet", row_group_size=5, compression="none", use_dictionary=False)


def exchange():
    os.rename("old", "aside")
    os.rename("new", "old")
    os.rename("aside", "new")


make("old", 0)
make("new", 1000)
kept = ds.dataset("old")
assert kept.count_rows(filter=ds.field("id") < 1000) == 30

exchange()
rows = kept.to_table()
seen = {
    "runs in to_table()": sorted(set(rows["run"].to_pylist())),
    "smallest id": min(rows["id"].to_pylist()),
    "rows with id >= 1000": kept.to_table(filter=ds.field("id") >= 1000).num_rows,
    "count of id < 1000": kept.count_rows(filter=ds.field("id") < 1000),
    "rows with id >= 1000 of a Dataset made now": ds.dataset("old").to_table(filter=ds.field("id") >= 1000).num_rows,
}
batches = ds.dataset("old").to_batches(batch_size=5, batch_readahead=0, fragment_readahead=0, use_threads=False)
runs = set(next(batches)["run"].to_pylist())
exchange()
for batch in batches:
    runs |= set(batch["run"].to_pylist())
seen["runs in a scan beside an exchange"] = sorted(runs)
for what, value in seen.items():
    print(f"{what}: {value}")
assert seen == {
    "runs in to_table()": ["new"],
    "smallest id": 1000,
    "rows with id >= 1000": 0,
    "count of id < 1000": 30,
    "rows with id >= 1000 of a Dataset made now": 30,
    "runs in a scan beside an exchange": ["new", "old"],
}, seen
PYTHON
echo "as described"
