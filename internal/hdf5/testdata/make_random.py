"""Writes HDF5 files of arrays that are drawn at random, with h5py, for a test that reads them.

    python make_random.py DIR SEED FILES

Beside each file DIR/N.h5 it writes N.json, the shapes and types of the arrays in it, and for each
array N.ARRAY.bin, its elements as little-endian bytes in C order.
"""

import json
import pathlib
import random
import sys

import h5py
import numpy as np

directory, seed, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TYPES = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|i1", "|u1", "<i2", ">i4", "<u4", "<i8", ">u8"]


def options(r, shape):
    o = {}
    if not shape or r.random() < 0.25:
        return o
    o["chunks"] = tuple(r.randint(1, s + 2) for s in shape)
    o["maxshape"] = tuple(r.choice([None, s + 5, max(s, c)]) for s, c in zip(shape, o["chunks"]))
    # Chunks larger than an array that cannot grow are refused by h5py.
    o["maxshape"] = tuple(m if m is None or m >= c else c for m, c in zip(o["maxshape"], o["chunks"]))
    compression = r.choice([None, None, "gzip", "lzf"])
    if compression:
        o["compression"] = compression
        if compression == "gzip":
            o["compression_opts"] = r.randint(0, 9)
    o["shuffle"], o["fletcher32"] = r.random() < 0.4, r.random() < 0.4
    if r.random() < 0.3:
        o["fillvalue"] = r.randint(1, 100)
    return o


def write(path, r):
    generator, described = np.random.default_rng(r.randint(0, 2**31)), {}
    low, high = r.choice([("earliest", "earliest"), ("earliest", "v108"), ("v108", "v110"), ("latest", "latest"), ("earliest", "latest")])
    with h5py.File(path, "w", libver=(low, high) if low != "earliest" or high != "earliest" else None) as f:
        for i in range(r.randint(1, 12)):
            shape = tuple(r.randint(1, 9) for _ in range(r.randint(0, 4)))
            dtype = np.dtype(r.choice(TYPES))
            values = generator.integers(0, 120, shape) if dtype.kind != "f" else generator.normal(size=shape)
            values = np.asarray(values).astype(dtype)
            name = "/".join(r.choice(["a", "group", "ä€"]) + str(r.randint(0, 3)) for _ in range(r.randint(0, 3))) + f"/array{i}"
            o = options(r, shape)
            if o and r.random() < 0.3:  # some chunks are never written
                d = f.create_dataset(name, shape, dtype, **o)
                part = tuple(slice(0, r.randint(0, s)) for s in shape)
                d[part] = values[part]
            else:
                d = f.create_dataset(name, data=values, **o)
            if r.random() < 0.3:
                d.attrs["note"] = "text of " + name
            described[name.lstrip("/")] = {"shape": list(shape), "dtype": dtype.str, "number": i}
    with h5py.File(path) as f:
        for name, a in described.items():
            values = np.asarray(f[name][...])
            path.with_suffix(f".{a['number']}.bin").write_bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
    path.with_suffix(".json").write_text(json.dumps(described))


for n in range(count):
    write(directory / f"{n}.h5", random.Random(1000 * seed + n))
