"""Saves arrays of every element type and order, as .npz and as safetensors, and their values.

    python make_types.py

Writes types*.npz, types.safetensors and types.json: for each file, what each of its tensors is
as NumPy's float32 or float16 ("tensors"), and the types of its whole numbers ("others"). Made
with numpy 2.0.2, safetensors 0.5.3, ml_dtypes 0.5.1, Python 3.11.
"""

import io
import json
import pathlib
import zipfile

import ml_dtypes
import numpy as np
import safetensors
from numpy.lib import format as npy

HERE = pathlib.Path(__file__).parent
expected = {}


def values(*shape):
    """Numbers that every floating-point type holds, also bfloat16."""
    n = int(np.prod(shape))
    return (((np.arange(n) * 37) % 255 - 127) / 16).reshape(shape)


def note(name, arrays):
    floats, others = {}, {}
    for key, a in arrays.items():
        if a.dtype.kind == "f" or a.dtype == ml_dtypes.bfloat16:
            kept = a.astype("f2" if a.dtype.itemsize == 2 and a.dtype.kind == "f" else "f4")
            floats[key] = dict(dtype="F16" if kept.dtype == "f2" else "F32", shape=list(a.shape), values=kept.astype("f8").ravel().tolist())
        else:
            letter = {"i": "I", "u": "U", "b": "BOOL"}[a.dtype.kind]
            others[key] = dict(dtype=letter + (str(8 * a.dtype.itemsize) if letter != "BOOL" else ""), shape=list(a.shape), raw=a.astype(a.dtype.newbyteorder("<")).tobytes().hex())
    expected[name] = dict(tensors=floats, others=others)


def numpy_arrays():
    arrays = {}
    for kind in ("f2", "f4", "f8"):
        for mark in "<>":
            for shape in ((7,), (3, 5), (2, 3, 4), (3, 2, 4, 5), (1, 6, 1)):
                for order in "CF":
                    name = f"{kind}_{'little' if mark == '<' else 'big'}_{order}_{len(shape)}d"
                    arrays[name] = np.array(values(*shape), mark + kind, order=order)
    arrays["wide"] = np.array([1 / 3, np.pi, 1e30, -1e-30, 16777217.0], "<f8")  # rounded
    arrays["transposed"] = values(4, 6).astype("<f4").T  # saved in column-major order
    arrays["every_second"] = values(4, 6).astype("<f4")[::2, 1::2]  # saved as a copy
    arrays["scalar"] = np.float32(2.5)
    arrays["empty"] = np.zeros((0, 3), "<f4")
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        arrays[f"{kind}_big"] = np.arange(-2 if kind[0] == "i" else 0, 4, dtype=kind).astype(">" + kind)
    arrays["count"] = np.int64(17)
    arrays["flags"] = np.array([True, False, True])
    return {k: np.asarray(a) for k, a in arrays.items()}


def write_zip64(name, arrays):
    """All of ZIP's fields in their 64-bit form, as in archives of more than 4 GB."""
    limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP64_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT = 1
    try:
        with zipfile.ZipFile(HERE / name, "w") as archive:
            for key, a in arrays.items():
                out = io.BytesIO()
                npy.write_array(out, a, version=(2, 0))
                with archive.open(zipfile.ZipInfo(key + ".npy"), "w", force_zip64=True) as member:
                    member.write(out.getvalue())
    finally:
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits
    assert b"PK\x06\x06" in (HERE / name).read_bytes()
    note(name, arrays)


arrays = numpy_arrays()
np.savez_compressed(HERE / "types.npz", **arrays)
with np.load(HERE / "types.npz") as back:
    assert all(np.array_equal(back[k], a) and back[k].dtype == a.dtype for k, a in arrays.items())
note("types.npz", arrays)
write_zip64("types_zip64.npz", {k: arrays[k] for k in ("f4_little_C_3d", "f4_little_F_3d", "f8_big_F_2d", "scalar")})

tensors = {
    "F64": values(3, 5).astype("f8"), "F32": values(3, 5).astype("f4"), "F16": values(3, 5).astype("f2"),
    "BF16": values(3, 5).astype(ml_dtypes.bfloat16), "scalar": np.array(2.5, "f4"), "empty": np.zeros((0, 3), "f4"),
    "bf16_scalar": np.array(-1.5, ml_dtypes.bfloat16),
}
for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"):
    tensors[kind] = np.arange(3).astype(kind)
tensors["bn.num_batches_tracked"] = np.array(123, "int64")
serialized = safetensors.serialize({k: dict(dtype=a.dtype.name, shape=a.shape, data=a.tobytes()) for k, a in tensors.items()}, {"format": "np"})
(HERE / "types.safetensors").write_bytes(bytes(serialized))
note("types.safetensors", tensors)

np.savez(HERE / "bfloat16.npz", a=values(3, 5).astype(ml_dtypes.bfloat16))  # NumPy writes "|V2"
(HERE / "types.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
