#!/usr/bin/env bash
# rasterio 1.4.4: fillnodata() rounds the pixels that it is not to fill, and boundless reads round integers of 64 bits.
#
# One would guess: fillnodata() fills the pixels that the mask names, and returns the others as they were, in the array's own
# type; and read(boundless=True) of a window within the file is what read() gives.
# What happens, without an error or a warning:
#   1. All pixels pass through floats of 32 bits: of int32 and uint32 from 2^24 on every other number or more is gone, so that
#      identifiers become one, and heights or coordinates in float64 jump by up to a quarter of a unit at five million. The
#      array that is returned is the one that was given, so the original is gone, too.
#   2. read(boundless=True) passes int64 and uint64 through floats of 64 bits: from 2^53 on they are rounded, even where nothing
#      of the window lies outside of the file.
# Who is hurt: those who fill holes in rasters of parcels, segments or times and join them with tables; and those whose pixels are
# cells of H3 or S2, which are numbers of 64 bits.
# Remedy: for 1 give it a copy, and put back what was valid: numpy.where(mask, image, fillnodata(image.copy(), mask)); for 2 read
# the window's part within the file and pad it.
# Seen on 2026-11-30, with NumPy 2.4.6 and GDAL 3.10.3.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check rasterio==1.4.4 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore::PendingDeprecationWarning -W error::UserWarning - <<'PYTHON'
import numpy as np
import rasterio
from rasterio.fill import fillnodata
from rasterio.transform import from_origin
from rasterio.windows import Window

for kind, first, step in (("int32", 2**24, 1), ("uint32", 3_000_000_000, 1), ("float64", 5_312_345.1, 0.1), ("int32", 1000, 1)):
    image = (first + step * np.arange(64).reshape(8, 8)).astype(kind)
    valid = np.ones(image.shape, bool)
    valid[3, 3] = False
    given = image.copy()
    filled = fillnodata(given, mask=valid)
    wrong = (filled != image)[valid]
    print(
        f"fillnodata, {kind} from {first} on: {100 * wrong.mean():.0f} % of the valid pixels change, {image[0, 1]} becomes"
        f" {filled[0, 1]}, {np.unique(image[valid]).size} different ones become {np.unique(filled[valid]).size}"
    )
    assert filled is given and filled.dtype == image.dtype, "it changed"
    assert (filled[valid] == image[valid].astype(np.float32).astype(kind)).all(), "it changed"
    assert wrong.any() == (first != 1000), "it changed"

for kind in ("int64", "uint64"):
    cells = (2**59 + np.arange(64).reshape(8, 8)).astype(kind)
    with rasterio.open(
        "x.tif", "w", driver="GTiff", width=8, height=8, count=1, dtype=kind, crs="EPSG:32633", transform=from_origin(500000, 5300000, 10, 10)
    ) as file:
        file.write(cells, 1)
    with rasterio.open("x.tif") as file:
        window = Window(2, 2, 4, 4)
        inside = file.read(1, window=window)
        boundless = file.read(1, window=window, boundless=True)
    print(f"{kind}: read {inside[0, :3]}, with boundless=True {boundless[0, :3]}")
    assert (inside == cells[2:6, 2:6]).all() and boundless.dtype == kind
    assert (boundless == inside.astype(float).astype(kind)).all() and (boundless != inside).any(), "it changed"
PYTHON
