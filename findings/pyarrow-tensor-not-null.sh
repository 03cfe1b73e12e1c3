#!/usr/bin/env bash
# pyarrow 26.0.1: a column of tensors whose elements are declared as never null comes back from
# Parquet as a plain list.
#
# One would guess: arrow.fixed_shape_tensor stays what it is in Parquet as it does in an Arrow
# IPC file, since the type's specification says nothing about whether elements may be null.
# What happens: with `not null` elements pyarrow.parquet reads the column as
# fixed_size_list<element: float not null>[4]. The shape is gone, and so is the metadata that
# stated it, without an error or a warning. From an IPC file, the same schema comes back as a tensor.
# Who is hurt: writers that declare elements as required (arrow-rs and Arrow's Go library let one do
# so, and some engines ask for it), and whoever calls to_numpy_ndarray() on what they wrote.
# Seen on 2026-11-28.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import pyarrow as pa
import pyarrow.parquet as pq

tensor = {"ARROW:extension:name": "arrow.fixed_shape_tensor", "ARROW:extension:metadata": '{"shape":[2,2]}'}
seen = {}
for nullable in (True, False):
    storage = pa.list_(pa.field("item", pa.float32(), nullable=nullable), 4)
    schema = pa.schema([pa.field("x", storage, metadata=tensor)])
    table = pa.Table.from_arrays([pa.array([[1, 2, 3, 4], [5, 6, 7, 8]], storage)], schema=schema)
    pq.write_table(table, "x.parquet")
    with pa.OSFile("x.arrow", "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_table(table)
    with pa.OSFile("x.arrow") as file:
        read = {"parquet": pq.read_table("x.parquet"), "ipc": pa.ipc.open_file(file).read_all()}
    for kind, back in read.items():
        field = back.schema.field("x")
        seen[kind, nullable] = isinstance(field.type, pa.FixedShapeTensorType)
        print(f"{kind}, elements {'nullable' if nullable else 'not null'}: {field.type}, metadata {field.metadata}")
assert seen == {("parquet", True): True, ("ipc", True): True, ("ipc", False): True, ("parquet", False): False}, seen
PYTHON
echo "as described"
