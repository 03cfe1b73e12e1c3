"""Two classes of images of one: the halves that k-means (scikit-learn) finds in their features.

    python halves.py FEATURES.npy PREFIX > labels.csv

FEATURES.npy.csv, which extract dataset export writes beside it, has the paths; those that begin with PREFIX are
labelled, in the form that extract --labels csv: reads.
"""

import csv
import sys

import numpy as np
from sklearn.cluster import KMeans

with open(sys.argv[1] + ".csv") as f:
    paths = [r["path"] for r in csv.DictReader(f)]
own = [i for i, p in enumerate(paths) if p.startswith(sys.argv[2])]
x = np.load(sys.argv[1])[own]
labels = KMeans(2, n_init=10, random_state=0).fit_predict(x / np.linalg.norm(x, axis=1, keepdims=True))
print("path,label")
for i, label in zip(own, labels):
    print(f"{paths[i]},half{label}")
