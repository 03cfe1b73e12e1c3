#!/usr/bin/env bash
# rasterio 1.4.4: merge() takes pixels whose result so far equals nodata for empty, so that maxima, minima and sums are wrong.
#
# One would guess: method="max" of rasters that are valid everywhere is the largest of each pixel, "sum" and "count" are those
# of NumPy, in whatever order the files are named; where a result cannot be held, there is an error.
# What happens, without an error or a warning: whether a pixel has been filled is asked of the result so far, by comparing it
# with nodata, and where files declare no nodata, with 0.
#   1. Without declared nodata, the maximum of -3, 0 and -7 is -7: 0 is the largest, counts as empty, and is overwritten by
#      what comes next. The minimum of 3, 0 and 7 is 7, and the first of 0 and 7 is 7.
#   2. With nodata 255, the sum of 100, 155 and 30 is 30, even where dtype="uint16" has room for it. The number of files is
#      1 instead of 3 where nodata is 2: counts are compared with it, too.
#   3. Sums and counts have the type of the files unless dtype says otherwise: 200 + 200 is 144 in uint8, 300 files are 44.
# Who is hurt: composites and mosaics of heights near the sea, temperatures in Celsius and differences, where 0 is a value like
# any other, and maps of how often a place was seen.
# Remedy: nodata= a number that no result can be, and a dtype= that holds the sum.
# Seen on 2026-11-30, with NumPy 2.4.6 and GDAL 3.10.3. It is the newest rasterio for Python 3.11; the merge() of rasterio
# 1.5.2, for later ones, computes the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore::PendingDeprecationWarning -W error::UserWarning - <<'PYTHON'
from itertools import permutations

import numpy as np
import rasterio
from rasterio.merge import merge
from rasterio.transform import from_origin


def merged(values, kind, method, nodata=None, **options):
    """One pixel's result for files of one value each, which is valid."""
    names = []
    for value in values:
        names.append(f"{kind}-{value}-{nodata}.tif")
        with rasterio.open(
            names[-1], "w", driver="GTiff", width=4, height=4, count=1, dtype=kind, nodata=nodata,
            crs="EPSG:32633", transform=from_origin(500000, 5300000, 10, 10),
        ) as file:
            file.write(np.full((1, 4, 4), value, kind))
        with rasterio.open(names[-1]) as file:
            assert (file.read(masked=True) == value).all() and file.read_masks().all()
    pixels = np.unique(merge(names, method=method, **options)[0])
    assert pixels.size == 1
    return int(pixels[0])


for values, kind, method, wanted, seen, options in (
    ((-3, 0, -7), "int16", "max", 0, -7, {}),
    ((-3, 0, -7), "float32", "max", 0, -7, {}),
    ((3, 0, 7), "int16", "min", 0, 7, {}),
    ((0, 7), "int16", "first", 0, 7, {}),
    ((100, 155, 30), "uint8", "sum", 285, 30, {"nodata": 255, "dtype": "uint16"}),
    ((1, 3, 4), "uint8", "count", 3, 1, {"nodata": 2}),
    ((200, 200), "uint8", "sum", 400, 144, {}),
    ((7,) * 300, "uint8", "count", 300, 44, {}),
):
    got = merged(values, kind, method, **options)
    shown = f"{len(values)} files" if len(values) > 9 else f"of {', '.join(map(str, values))}"
    print(f"{kind}, {method} {shown}, {options}: {got} instead of {wanted}")
    assert got == seen, "it changed"

for method, values in (("max", (-3, 0, -7)), ("min", (3, 0, 7))):
    by_order = {order: merged(order, "int16", method) for order in permutations(values)}
    print(f"{method} by the order of the files: {by_order}")
    assert len(set(by_order.values())) > 1, "it changed"
    assert all(merged(order, "int16", method, nodata=-9999) == 0 for order in by_order), "it changed"
assert merged((200, 200), "uint8", "sum", dtype="uint16") == 400
PYTHON
