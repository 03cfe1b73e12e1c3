#!/usr/bin/env bash
# mahotas 1.4.19 and numpy-groupies 0.16.0: sums of small integers by label are those modulo 256 or 65536.
#
# One would guess: the sum of the pixels of each label, or the values of each group, is their sum, as scipy.ndimage.sum_labels and
# NumPy's sum() give it; and whatever leaves out NaN gives the same where there is none.
# What happens, without an error or a warning:
#   1. mahotas.labeled.labeled_sum() adds up in the image's type. Two cells of 300 and 500 pixels of 100 have the sums 48 and 80, or,
#      of a mask, 1 and 1. Its documentation says that sum[i] equals np.sum(array[labeled == i]), and further down that the type is
#      that of the array; both cannot be.
#   2. numpy_groupies.aggregate(..., func="sum") chooses a type that is large enough; "nansum", "prod", "nanprod" and "cumsum" keep
#      that of the values. Its documentation describes nansum as sum without NaN. The pure Python version is right.
# Who is hurt: those who measure the brightness of cells, stars or fields in images of 8 and 16 bits: what is larger and brighter
# does not have a larger sum, and the mean, which is a sum by the number of pixels, is wrong by the same.
# Remedy: astype(float), or scipy.ndimage.sum_labels; dtype=np.int64 in aggregate().
# Seen on 2026-11-30, with SciPy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mahotas==1.4.19 numpy-groupies==0.16.0 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error - <<'PYTHON'
import mahotas
import numpy as np
import numpy_groupies
import scipy.ndimage

labels = np.zeros((40, 50), np.intc)
labels[2:17, 3:23], labels[5:30, 25:45] = 1, 2  # 300 and 500 pixels
cells = [1, 2]
for kind, value in ((np.uint8, 100), (np.int8, 100), (np.uint16, 30000), (bool, True)):
    image = np.full(labels.shape, value, kind)
    exact = [int(value) * int((labels == i).sum()) for i in cells]
    assert scipy.ndimage.sum_labels(image, labels, cells).tolist() == exact == [image[labels == i].sum() for i in cells]
    assert mahotas.labeled.labeled_sum(image.astype(float), labels)[1:].tolist() == exact
    sums = mahotas.labeled.labeled_sum(image, labels)[1:]
    print(f"mahotas, {np.dtype(kind)}: {sums.astype(int)} instead of {exact}")
    wrapped = [True, True] if kind is bool else np.array(exact).astype(kind).tolist()
    assert sums.tolist() == wrapped != exact, "it changed"

groups = np.repeat([0, 1], [300, 500])
for kind, value in ((np.uint8, 100), (np.int8, 100), (np.uint16, 30000), (np.int16, 30000)):
    values = np.full(len(groups), value, kind)
    exact = [300 * value, 500 * value]
    aggregate = lambda **options: numpy_groupies.aggregate(groups, values, **options).tolist()
    assert aggregate(func="sum") == exact and aggregate(func="nanmean") == [value, value]
    assert aggregate(func="nansum", dtype=np.int64) == exact
    got, wrapped = aggregate(func="nansum"), np.array(exact).astype(kind).tolist()
    print(f"numpy-groupies, {np.dtype(kind)}: nansum {got}, sum {exact}")
    assert got == wrapped != exact and numpy_groupies.aggregate(groups, values, func="cumsum")[-1] == wrapped[1], "it changed"
    assert max(aggregate(func="prod")) <= np.iinfo(kind).max, "it changed"
PYTHON
