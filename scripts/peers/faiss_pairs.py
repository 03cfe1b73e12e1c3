"""Finds the pairs of similar rows by faiss's flat index, and prints the seconds of the search,
its user seconds, and how many pairs there are.

    faiss_pairs.py ROWS.npy THRESHOLD GROUPS.json

What is timed is making unit rows and the index, range_search, and keeping each pair once; not reading
the rows. Then it compares the pairs with the groups that extract dataset duplicates found: they must
join the same rows.
"""

import json
import resource
import sys
import time

import faiss
import numpy as np

BLOCK = 4096  # rows that are searched at a time, so that what is found fits into memory

name, threshold, groups = sys.argv[1], float(sys.argv[2]), sys.argv[3]
rows = np.load(name)
begin, user = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
faiss.normalize_L2(rows)
index = faiss.IndexFlatIP(rows.shape[1])
index.add(rows)
first, second = [], []
for at in range(0, len(rows), BLOCK):
    limits, _, found = index.range_search(rows[at : at + BLOCK], threshold)
    of = np.repeat(np.arange(at, at + len(limits) - 1), np.diff(limits.astype(np.int64)))
    later = found > of
    first.append(of[later])
    second.append(found[later])
first, second = np.concatenate(first), np.concatenate(second)
seconds, user = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_utime - user

parent = list(range(len(rows)))


def root(i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


for a, b in zip(first.tolist(), second.tolist()):
    a, b = root(a), root(b)
    parent[max(a, b)] = min(a, b)
joined = {}
for i in range(len(rows)):
    joined.setdefault(root(i), []).append(i)
want = sorted(g for g in joined.values() if len(g) > 1)
with open(groups, encoding="utf-8") as file:
    got = sorted([r["row"] for r in g["rows"]] for g in json.load(file)["groups"])
if got != want:
    sys.exit(f"faiss joins other rows: {len(want)} groups, here {len(got)}")
print(f"{seconds:.2f} {user:.2f} {len(first)}")
