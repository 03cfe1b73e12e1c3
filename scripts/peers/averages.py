"""Writes pool5 of a peer's Parquet file or of a dataset, averaged over positions, as little-endian
float32, in the order of the images of a dataset.

    averages.py DATASET FEATURES OUT.f32
"""

import sys

import numpy as np
import pyarrow.parquet as pq

import compare

order = pq.read_table(sys.argv[1], columns=["path"])["path"].to_pylist()
names, values = compare.features(sys.argv[2])
if sorted(order) != names:
    sys.exit(f"{sys.argv[1]} and {sys.argv[2]} do not hold the same pictures")
at = {name: i for i, name in enumerate(names)}
compare.averaged(values)[[at[name] for name in order]].astype("<f4").tofile(sys.argv[3])
