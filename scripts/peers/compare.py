"""Prints the smallest and the mean cosine between the pool5 rows of two Parquet files or
directories, matched by path.

    compare.py OURS THEIRS [COLUMN]

COLUMN is what THEIRS calls pool5, if something else.
"""

import sys

import numpy as np
import pyarrow.parquet as pq


def features(path, name="pool5"):
    table = pq.read_table(path, columns=["path", name]).sort_by("path")
    column = table[name].combine_chunks()
    return table["path"].to_pylist(), column.flatten().to_numpy().reshape(len(column), -1).astype(np.float64)


names, ours = features(sys.argv[1])
others, theirs = features(*sys.argv[2:])
if names != others:
    sys.exit("the two do not hold the same pictures")
cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
print(f"{cosines.min():.6f} {cosines.mean():.6f}")
