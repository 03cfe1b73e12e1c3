"""Writes an Arrow file of features again in the forms that Arrow's format has: compressed buffers, dictionaries.

    python testdata/trials/make_arrow.py SHARD testdata/trials/arrow
"""

import os
import sys

import pyarrow as pa

shard, where = sys.argv[1:]
table = pa.ipc.open_file(shard).read_all()
labels = table.schema.get_field_index("label")


def write(name, table, rows=5, **options):
    os.makedirs(os.path.join(where, name), exist_ok=True)
    with pa.ipc.new_file(os.path.join(where, name, "part-00000.arrow"), table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in table.to_batches(max_chunksize=rows):
            writer.write_batch(batch)


encoded = table.column("label").dictionary_encode()
# A dictionary that grows from batch to batch.
batches = table.to_batches(max_chunksize=5)
grown = pa.chunked_array([
    pa.DictionaryArray.from_arrays(pa.array([j % (i + 1) for j in range(len(batch))], pa.int32()), pa.array([f"label {j}" for j in range(5 * i + 5)]))
    for i, batch in enumerate(batches)
])
split = pa.Table.from_batches(batches)
write("plain", table)
write("lz4", table, compression="lz4")
write("zstd", table, compression="zstd")
write("dictionary", table.set_column(labels, "label", encoded))
write("more-lz4", table.append_column("more", encoded), compression="lz4")
write("more-zstd", table.append_column("more", encoded), compression="zstd")
write("deltas", split.append_column("more", grown), emit_dictionary_deltas=True)
# One row again and again, whose buffers are much larger than the file.
write("same", table.take([0] * 4000), 4000, compression="zstd")
