"""Writes poolings.json: maps of several shapes, and what NumPy makes of them by each pooling.

    python inference/testdata/make_poolings.py

The definitions are written down anew here, after the papers and their authors' code, with loops and in float64:
GeM by Radenovic, Tolias and Chum (eps 1e-6), R-MAC by Tolias, Sicre and Jegou as rmac() of cnnimageretrieval-pytorch
computes it (L=3, eps 1e-6), the spatial pyramid by He et al. with the cells of torch's adaptive_max_pool2d, and the Gram
matrix by Gatys et al., divided by the number of positions.
"""

import json
import math
import pathlib

import numpy as np


def gem(x, p, eps=1e-6):
    flat = np.maximum(x.reshape(-1, x.shape[-1]), eps)
    return [float(np.mean([v**p for v in flat[:, c]]) ** (1 / p)) for c in range(x.shape[-1])]


def unit(v, eps=1e-6):
    return v / (math.sqrt(sum(a * a for a in v)) + eps)


def rmac(x, scales=3):
    height, width = x.shape[:2]
    w = min(width, height)
    steps = [2, 3, 4, 5, 6, 7]
    bs = [(max(height, width) - w) / (s - 1) for s in steps]
    index = int(np.argmin([abs((w**2 - w * b) / w**2 - 0.4) for b in bs]))
    wd = index + 1 if height < width else 0
    hd = index + 1 if height > width else 0
    v = unit(x.max(axis=(0, 1)))
    for scale in range(1, scales + 1):
        wl = math.floor(2 * w / (scale + 1))
        wl2 = math.floor(wl / 2 - 1)
        b = 0 if scale + wd == 1 else (width - wl) / (scale + wd - 1)
        columns = np.floor(wl2 + np.arange(scale + wd, dtype=np.float32) * np.float32(b)) - wl2
        b = 0 if scale + hd == 1 else (height - wl) / (scale + hd - 1)
        rows = np.floor(wl2 + np.arange(scale + hd, dtype=np.float32) * np.float32(b)) - wl2
        if wl == 0:
            continue
        for i in rows.astype(int):
            for j in columns.astype(int):
                v = v + unit(x[i : i + wl, j : j + wl].max(axis=(0, 1)))
    return v.tolist()


def spp(x, levels):
    height, width = x.shape[:2]
    out = []
    for n in levels:
        for i in range(n):
            for j in range(n):
                cell = x[math.floor(i * height / n) : math.ceil((i + 1) * height / n), math.floor(j * width / n) : math.ceil((j + 1) * width / n)]
                out += cell.max(axis=(0, 1)).tolist()
    return out


def gram(x):
    flat = x.reshape(-1, x.shape[-1])
    full = np.einsum("pi,pj->ij", flat, flat) / len(flat)
    return full[np.triu_indices(x.shape[-1])].tolist()


random = np.random.default_rng(5)
cases = []
for shape in [(7, 7, 3), (4, 9, 2), (14, 5, 4), (1, 1, 3), (2, 3, 2), (28, 28, 2), (6, 3)]:
    for signed in (False, True):
        x = (random.normal(0, 40, shape) if signed else np.maximum(random.normal(0, 40, shape), 0)).astype(np.float32)
        values = x.astype(np.float64)
        want = {"gem:3": gem(values, 3), "gem:1": gem(values, 1), "gem:6.5": gem(values, 6.5), "gem:100": gem(values / 100, 100), "gram": gram(values)}
        want["gem:100"] = [100 * v if v > 2e-6 else None for v in want["gem:100"]]  # eps is of another scale there
        want["avg"], want["max"] = values.reshape(-1, shape[-1]).mean(axis=0).tolist(), values.reshape(-1, shape[-1]).max(axis=0).tolist()
        if len(shape) == 3:
            want["rmac"] = rmac(values)
            for levels in ([1], [2], [1, 2, 4], [3, 5]):
                if levels[-1] <= min(shape[:2]):
                    want["spp:" + ",".join(map(str, levels))] = spp(values, levels)
        cases.append({"shape": shape, "values": x.reshape(-1).tolist(), "want": want})

pathlib.Path(__file__).with_name("poolings.json").write_text(json.dumps(cases) + "\n")
print(len(cases), "maps")
