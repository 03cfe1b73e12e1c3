"""Makes small weights files of every format, all with the same two tensors.

    python make_files.py

    conv  (3, 3, 2, 4)  ((arange % 19) - 9) / 8
    bias  (4,)          1, 2, 3, 4

keras.h5 names them as Keras's published files do (block1_conv1/block1_conv1_W_1:0);
state_dict.pth is what torch.save makes of a state dict, written here by pickle and zipfile
with stand-ins for torch's classes, the kernel in PyTorch's order (OIHW). evil.pth names a
function that no state dict does. Made with h5py 3.16, numpy 2.0, Python 3.11.
"""

import io
import pathlib
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4)
bias = np.arange(1, 5, dtype="<f4")

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


class FloatStorage:
    pass


def _rebuild_tensor_v2(*args):
    raise NotImplementedError


FloatStorage.__module__, _rebuild_tensor_v2.__module__ = "torch", "torch._utils"
FloatStorage.__qualname__ = "FloatStorage"
torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2


class Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class Tensor:
    def __init__(self, storage):
        self.storage = storage

    def __reduce__(self):
        shape = self.storage.array.shape
        strides = tuple(s // 4 for s in np.zeros(shape, "<f4").strides)
        return _rebuild_tensor_v2, (self.storage, 0, shape, strides, False, OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", FloatStorage, value.key, "cpu", value.array.size)
        return None


def write_torch(name, value, arrays):
    program = io.BytesIO()
    Pickler(program, 2).dump(value)
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", program.getvalue())
        for key, array in arrays.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        archive.writestr("archive/version", "3\n")


class Evil:
    def __reduce__(self):
        import os

        return os.system, ("echo this must never run",)


np.savez(HERE / "arrays.npz", conv1_1_W=kernel, conv1_1_b=bias)
with h5py.File(HERE / "keras.h5", "w") as f:
    group = f.create_group("block1_conv1")
    group["block1_conv1_W_1:0"], group["block1_conv1_b_1:0"] = kernel, bias
    f.create_group("block1_pool")
arrays = {"0": np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)), "1": bias}
tensors = {k: Tensor(Storage(k, a)) for k, a in arrays.items()}
write_torch("state_dict.pth", OrderedDict([("features.0.weight", tensors["0"]), ("features.0.bias", tensors["1"])]), arrays)
write_torch("evil.pth", OrderedDict([("features.0.weight", Evil())]), {})
