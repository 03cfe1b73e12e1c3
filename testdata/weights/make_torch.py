"""Saves the tensors of make_files.py by PyTorch itself, in its two formats.

    python make_torch.py

Writes torch.pth and torch_legacy.pth (the format of before version 1.6, in which
torchvision's vgg16 and vgg19 are published), with features.0.weight and features.0.bias, the
kernel in PyTorch's order (OIHW). Made with torch 2.6.0, Python 3.11.
"""

import pathlib
from collections import OrderedDict

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4)
state = OrderedDict(
    {
        "features.0.weight": torch.nn.Parameter(torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))),
        "features.0.bias": torch.nn.Parameter(torch.arange(1, 5, dtype=torch.float32)),
    }
)
torch.save(state, HERE / "torch.pth")
torch.save(state, HERE / "torch_legacy.pth", _use_new_zipfile_serialization=False)
