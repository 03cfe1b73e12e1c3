"""Writes small tables of images in the forms that Parquet has: compressions, versions of pages, encodings.

    python testdata/trials/make_tables.py testdata/trials/tables
"""

import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

where = sys.argv[1]
os.makedirs(where, exist_ok=True)
rows = 60
table = pa.table({
    "path": [f"pets/{'cat' if i % 2 else 'dog'}/{i:05d}.jpg" for i in range(rows)],
    "label": pa.array(["cat" if i % 2 else "dog" for i in range(rows)]).dictionary_encode(),
    "image": pa.array([None if i % 13 == 7 else bytes([255, 216, 255]) + bytes(range(i, i + 40)) * 2 for i in range(rows)], pa.binary()),
    "number": pa.array(range(1000, 1000 + rows), pa.int64()),
})
kinds = {
    "plain": {"compression": "none", "use_dictionary": False},
    "snappy": {"compression": "snappy"},
    "gzip": {"compression": "gzip", "row_group_size": 25},
    "brotli": {"compression": "brotli"},
    "zstd": {"compression": "zstd", "data_page_version": "2.0"},
    "delta": {
        "compression": "zstd", "data_page_version": "2.0", "use_dictionary": False,
        "column_encoding": {"path": "DELTA_BYTE_ARRAY", "image": "DELTA_LENGTH_BYTE_ARRAY", "number": "DELTA_BINARY_PACKED"},
    },
    "delta1": {
        "compression": "snappy", "use_dictionary": ["label"], "data_page_size": 1024,
        "column_encoding": {"path": "DELTA_BYTE_ARRAY", "image": "DELTA_LENGTH_BYTE_ARRAY", "number": "DELTA_BINARY_PACKED"},
    },
}
for name, options in kinds.items():
    pq.write_table(table, os.path.join(where, name + ".parquet"), **options)
