"""Compares VGG16's whole pool5 in two datasets of the same pictures: the cosines of all their
numbers and of their averages over positions, least and mean, and the largest difference beside
the largest number.

    cosines.py DATASET OTHER NAME
"""

import sys

from compare import averaged, cosines, features

names, ours = features(sys.argv[1])
others, theirs = features(sys.argv[2])
if names != others:
    sys.exit("the two do not hold the same pictures")
whole, average = cosines(ours, theirs), cosines(averaged(ours), averaged(theirs))
print(
    f"{sys.argv[3]}, {len(names)} pictures: 1 - cosine, worst and mean: "
    f"whole {1 - whole.min():.1e} {1 - whole.mean():.1e}, averaged {1 - average.min():.1e} {1 - average.mean():.1e}; "
    f"largest difference {abs(ours - theirs).max():.2e} of {abs(ours).max():.0f}"
)
