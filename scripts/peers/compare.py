"""Prints the smallest and the mean cosine between the pool5 rows of two Parquet files or
directories, matched by path. Of whole pool5, not averaged over positions, it prints those of its
averages, too.

    compare.py OURS THEIRS [COLUMN]

COLUMN is what THEIRS calls pool5, if something else.
"""

import sys

import numpy as np
import pyarrow.parquet as pq

CHANNELS = 512


def features(path, name="pool5"):
    table = pq.read_table(path, columns=["path", name]).sort_by("path")
    column = table[name].combine_chunks()
    return table["path"].to_pylist(), column.flatten().to_numpy().reshape(len(column), -1).astype(np.float64)


def averaged(values):
    return values.reshape(len(values), -1, CHANNELS).mean(1)


def cosines(ours, theirs):
    return (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def main():
    names, ours = features(sys.argv[1])
    others, theirs = features(*sys.argv[2:])
    if names != others:
        sys.exit("the two do not hold the same pictures")
    every = [cosines(ours, theirs)]
    if ours.shape[1] > CHANNELS:
        every.append(cosines(averaged(ours), averaged(theirs)))
    print(" ".join(f"{c.min():.6f} {c.mean():.6f}" for c in every))


if __name__ == "__main__":
    main()
