#!/usr/bin/env python3
"""Makes ranges.json.gz: samples of more than 8 bits, and the bytes that NumPy makes of them in every kind of range.

Pinned: Python 3.11, numpy 2.4.6 (Pillow of make_golden.py's environment is not needed):

    pip install numpy==2.4.6 && python make_ranges.py

A case has samples, width x height x channels as float64, and the bytes of each range, base64 of zlib.
"""

import base64
import gzip
import json
import pathlib
import zlib

import numpy as np

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 23, 17
rng = np.random.default_rng(23)


def packed(array):
    return base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()


def span(samples, valid, kind, how):
    """The numbers that become 0 and 255; None for whole numbers of which the highest bits are kept."""
    seen = samples[valid]
    if how == "auto":
        if kind["float"]:
            how = "full" if seen.size and seen.min() >= 0 and seen.max() <= 1 else "minmax"
        else:
            how = "minmax" if kind["signed"] or kind["bits"] > 16 else "full"
    if how == "full":
        return (0.0, 1.0) if kind["float"] else None
    if not seen.size:
        return 0.0, 0.0
    if how == "minmax":
        return seen.min(), seen.max()
    if how.startswith("percentile:"):
        low, high = map(float, how.removeprefix("percentile:").split(","))
        return tuple(np.percentile(seen, [low, high]))
    if how.startswith("window:"):
        center, width = map(float, how.removeprefix("window:").split(","))
        return center - width / 2, center + width / 2
    return tuple(map(float, how.split("..")))


def mapped(samples, kind, how):
    valid = np.isfinite(samples)
    if kind["noData"] is not None:
        valid &= samples != kind["noData"]
    limits = span(samples, valid, kind, how)
    filled = np.where(valid, samples, 0)
    if limits is None:
        whole = filled.astype(np.int64) - (-(1 << kind["bits"] - 1) if kind["signed"] else 0)
        out = (whole >> kind["bits"] - 8).astype(np.uint8)
    elif limits[0] < limits[1]:
        out = np.rint(np.clip((filled - limits[0]) / (limits[1] - limits[0]) * 255, 0, 255)).astype(np.uint8)
    else:
        out = np.where(filled > limits[1], 255, 0).astype(np.uint8)
    out[~valid] = 0
    return out, np.where(valid.any(axis=-1), 255, 0).astype(np.uint8)


def whole(bits, signed, channels, low, high, **more):
    return {"bits": bits, "signed": signed, "float": False, "channels": channels, "noData": None, **more}, rng.integers(
        low, high, (HEIGHT, WIDTH, channels), endpoint=True
    ).astype(np.float64)


def real(samples, **more):
    return {"bits": 32, "signed": False, "float": True, "channels": samples.shape[-1], "noData": None, **more}, samples.astype(np.float64)


def holes(samples):
    samples = samples.copy()
    samples[3, 4] = np.nan
    samples[5, 6, 0] = np.inf
    samples[7, 8, -1] = -np.inf
    return samples


normal = rng.normal(120, 40, (HEIGHT, WIDTH, 3)).astype(np.float32)
unit = rng.random((HEIGHT, WIDTH, 1)).astype(np.float32)
CASES = {
    "uint16": whole(16, False, 1, 0, 65535),
    "uint16 colour": whole(16, False, 3, 100, 5000),
    "12 in 16": whole(16, False, 1, 0, 4095),
    "uint12": whole(12, False, 1, 0, 4095),
    "uint10 colour": whole(10, False, 3, 0, 1023),
    "int16": whole(16, True, 1, -1024, 3071),
    "int16 all": whole(16, True, 3, -32768, 32767),
    "int16 with NoData": whole(16, True, 1, -3, 2, noData=-3.0),
    "int8": whole(8, True, 1, -128, 127),
    "constant": whole(16, False, 1, 777, 777),
    "uint32": whole(32, False, 1, 0, 2**32 - 1),
    "uint32 close together": whole(32, False, 3, 4_000_000_000, 4_000_000_300),
    "int32": whole(32, True, 1, -(2**31), 2**31 - 1),
    "float": real(normal),
    "float from 0 to 1": real(unit),
    "float with holes": real(holes(normal)),
    "float with NoData": real(np.where(unit < 0.3, -9999, unit), noData=-9999.0),
    "float without numbers": real(np.full((HEIGHT, WIDTH, 1), np.nan)),
    "small and large floats": real(np.float32(10) ** rng.uniform(-30, 30, (HEIGHT, WIDTH, 1)).astype(np.float32)),
}
RANGES = ["auto", "full", "minmax", "percentile:1,99", "percentile:0,100", "percentile:2.5,50", "percentile:49.9,50", "window:40,400", "window:0.5,0.25", "0..4095", "-1000..400", "0.25..0.75"]

cases = []
for name, (kind, samples) in CASES.items():
    case = {"name": name, "width": WIDTH, "height": HEIGHT, **kind, "samples": packed(samples), "ranges": {}}
    for how in RANGES:
        pixels, opacity = mapped(samples, kind, how)
        case["ranges"][how] = packed(pixels)
        case["opacity"] = packed(opacity)
    cases.append(case)
with gzip.GzipFile(HERE / "ranges.json.gz", "wb", mtime=0) as out:
    out.write(json.dumps(cases, indent=0).encode())
