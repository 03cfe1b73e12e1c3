#!/usr/bin/env bash
# numbagg 0.9.6: counts of values in groups are those modulo 256 or 65536, down to below 0, and so are group_nansum and its squares.
#
# One would guess: group_nancount() counts: its result does not depend on how large the values may be, and is the number of them in each group,
# as group_nanmean(), which divides by it, has it right.
# What happens, without an error or a warning: the count has the type of the values. Of 2,000 bytes in a group it is 208, of int8 -48, and
# of 70,000 values of 16 bits 4,464. group_nansum() and group_nansum_of_squares() add up in that type as well: 64 for 200,000. nansum() and nancount()
# without groups, and group_nanmean() and group_nanvar(), are right, and so are 32 bits and floats.
# Who is hurt: those who count pixels by label in masks and images of bytes: areas are wrong, and a mean that is made of sum and count is, too.
# Remedy: astype(np.float64) or np.int64 before, or numpy.bincount.
# Seen on 2026-12-01, with NumPy 2.4.6. That other libraries' sums by label wrap is told in label-sums-of-bytes-wrap.sh.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numbagg==0.9.6 numba==0.68.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numbagg
import numpy as np

for kind, each, count, total in (("uint8", 2000, 208, 64), ("int8", 2000, -48, 64), ("int16", 70000, 4464, -12352), ("int32", 2000, 2000, 200000),
                                 ("float32", 2000, 2000, 200000)):
    labels = np.repeat([0, 1], each)
    values = np.full(2 * each, 100).astype(kind)
    right = np.bincount(labels), np.bincount(labels, values.astype(float))
    seen = numbagg.group_nancount(values, labels), numbagg.group_nansum(values, labels)
    print(f"{kind}: counts {seen[0]}, right {right[0]}, sums {seen[1]}, right {right[1]}")
    assert (numbagg.group_nanmean(values, labels) == 100).all() and numbagg.nansum(values) == right[1].sum()
    assert numbagg.nancount(values) == 2 * each
    assert (seen[0] == count).all() and (seen[1] == total).all(), "it changed"
PYTHON
