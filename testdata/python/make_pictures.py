"""Writes Parquet files of pictures as other programs do, and what is in them.

    make_pictures.py DIRECTORY

Each NAME.parquet has its NAME.json: a list of rows, in order, of path, label and the SHA-256 of
the picture, null where there is none. The pictures are noise: nothing here decodes them.
"""

import hashlib
import json
import os
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, Image

folder = sys.argv[1]
random = np.random.default_rng(7)
CLASSES = ["cat", "dog", "fox"]


def noise(size):
    return random.integers(0, 256, size, dtype=np.uint8).tobytes()


def expect(name, rows):
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
        json.dump([
            {"path": path, "label": label, "sha256": None if data is None else hashlib.sha256(data).hexdigest()}
            for path, label, data in rows
        ], f)


def file(name):
    return os.path.join(folder, name + ".parquet")


# Sizes around those of pages and buffers, one larger than all of them, an empty one, a null.
sizes = [1, 5, 100, 16384, 262144, 3_000_000, 0, 77] + [2000 + i for i in range(300)]
pictures = [noise(n) for n in sizes]
pictures[40] = None
pictures[299] = None
names = [f"dir {i % 3}/{i:03}.jpg" for i in range(len(sizes))]
classes = [i % 3 for i in range(len(sizes))]


# As Hugging Face datasets writes folders of images.
features = Features({"image": Image(decode=False), "label": ClassLabel(names=CLASSES)})
rows = [{"image": {"bytes": p, "path": n}, "label": c} for p, n, c in zip(pictures, names, classes)]
for group in (1000, 7):
    name = f"huggingface-{group}"
    Dataset.from_list(rows, features=features).to_parquet(file(name), batch_size=group)
    expect(name, [(n, CLASSES[c], p) for n, c, p in zip(names, classes, pictures)])
unlabelled = [dict(r, label=-1, image={"bytes": r["image"]["bytes"], "path": None}) for r in rows[:20]]
Dataset.from_list(unlabelled, features=features).to_parquet(file("huggingface-test"), batch_size=1000)
expect("huggingface-test", [(f"{i:08}", "", p) for i, p in enumerate(pictures[:20])])

# Every way of encoding that pyarrow knows.
table = pa.table({
    "id": pa.array(range(len(sizes))), "tags": pa.array([["x", "y"]] * len(sizes)),
    "content": pa.array(pictures, pa.binary()), "thumbnail": pa.array([b"thumb"] * len(sizes), pa.binary()),
    "path": names, "label": pa.array([None if c == 2 else CLASSES[c] for c in classes]),
})
expected = [(n, "" if c == 2 else CLASSES[c], p) for n, c, p in zip(names, classes, pictures)]
for codec in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
    for version in ("1.0", "2.0"):
        for encoding in ("plain", "dictionary", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
            name = f"pyarrow-{codec}-{version}-{encoding}"
            options = {"use_dictionary": encoding == "dictionary"}
            if encoding.startswith("DELTA"):
                options = {"use_dictionary": False, "column_encoding": {"content": encoding}}
            pq.write_table(table, file(name), compression=codec, data_page_version=version, row_group_size=100, **options)
            expect(name, expected)

# One file for all pictures that are the same, by a dictionary.
pq.write_table(pa.table({"img": pa.array([pictures[3]] * 500, pa.large_binary()), "cls": pa.array([i % 4 for i in range(500)], pa.int32())}), file("same"))
expect("same", [(f"{i:08}", str(i % 4), pictures[3]) for i in range(500)])

# Others' writers, and their types.
frame = pd.DataFrame({"filename": names, "jpg": pictures, "class": pd.Categorical([CLASSES[c] for c in classes])})
frame.to_parquet(file("pandas"))
expect("pandas", [(n, CLASSES[c], p) for n, c, p in zip(names, classes, pictures)])
pl.DataFrame({"__key__": names, "png": pictures, "cls": classes}).write_parquet(file("polars"), row_group_size=64)
expect("polars", [(n, str(c), p) for n, c, p in zip(names, classes, pictures)])
duckdb.sql(f"COPY (SELECT filename AS file_name, jpg AS picture, filename LIKE 'dir 1%' AS label FROM frame) TO '{file('duckdb')}' (FORMAT parquet)")
expect("duckdb", [(n, "true" if n.startswith("dir 1") else "false", p) for n, p in zip(names, pictures)])
pq.write_table(pa.table({"only": pa.array(pictures[:3], pa.binary())}), file("bare"))
expect("bare", [(f"{i:08}", "", p) for i, p in enumerate(pictures[:3])])
pq.write_table(pa.table({"image": pa.array([], pa.binary())}), file("empty"))
expect("empty", [])
