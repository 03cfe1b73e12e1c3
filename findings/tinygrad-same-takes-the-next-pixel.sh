#!/usr/bin/env bash
# tinygrad 0.14.0: of ONNX, strided convolutions of 1 by 1 with SAME take other pixels, and old Softmax has other sums.
#
# One would guess: OnnxRunner computes what ONNX defines for the model's opset, or raises an error, as it does for operators that
# it does not have.
# What happens, without an error or a warning:
#   1. auto_pad="SAME_UPPER" with a kernel smaller than its stride pads by a negative number instead of nothing: Conv of 1 by 1 with
#      stride 2 takes the pixels 1, 3, 5 instead of 0, 2, 4 of pictures with even sides. With odd sides it is right, and so are kernels as
#      large as the stride.
#   2. Softmax and LogSoftmax of opset 12 and before go over one axis, as those of 13 do, not over all dimensions from that axis on:
#      maps of scores of 2 pictures, which are to have the sum 2, have the sum 40.
#   3. ConvTranspose with auto_pad="VALID" and stride 2 leaves out the first row and column.
# Who is hurt: those who run networks that came from Keras and TensorFlow, whose shortcuts are convolutions of 1 by 1 with stride 2 and
# "same": the shortcut is a pixel aside of the path that it is added to, and features and scores are off.
# Remedy: pads in numbers instead of auto_pad, and opset 13 or later.
# Seen on 2026-11-30, on the device PYTHON (which needs no compiler), with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tinygrad==0.14.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
DEV=PYTHON XDG_CACHE_HOME="$work" "$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, x, opset, shape, *constants, **attributes):
    """By ONNX Runtime and by tinygrad."""
    graph = helper.make_graph(
        [helper.make_node(op, ["x"] + [f"c{i}" for i in range(len(constants))], ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants)])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    with open("x.onnx", "wb") as f:
        f.write(m.SerializeToString())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    right = ort.InferenceSession("x.onnx", options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    return right, OnnxRunner("x.onnx")({"x": Tensor(x)})["y"].numpy()


def check(name, results, wanted, seen):
    right, other = results
    print(f"{name}: {wanted.ravel()[:4].round(3)}, by tinygrad {other.ravel()[:4].round(3)}")
    assert np.allclose(right, wanted, atol=1e-4)
    assert other.shape == seen.shape and np.allclose(other, seen, atol=1e-4), "it changed"


# 1.
for size, first in ((8, 1), (7, 0), (6, 1)):
    x, kernel = normal(1, 2, size, size), normal(3, 2, 1, 1)
    half = (size + 1) // 2
    mixed = np.einsum("ncyx,oc->noyx", x, kernel[:, :, 0, 0])
    check(f"Conv of {size} by {size}", compute("Conv", x, 17, (1, 3, half, half), kernel, auto_pad="SAME_UPPER", strides=[2, 2]),
          mixed[:, :, ::2, ::2], mixed[:, :, first::2, first::2])
x = normal(1, 2, 8, 8)
check("Conv with pads", compute("Conv", x, 17, (1, 3, 4, 4), kernel, pads=[0] * 4, strides=[2, 2]),
      *[np.einsum("ncyx,oc->noyx", x, kernel[:, :, 0, 0])[:, :, ::2, ::2]] * 2)


# 2.
def softmax(v, axes):
    e = np.exp(v - v.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


x = normal(2, 3, 4, 5)
for op, f in (("Softmax", lambda v: v), ("LogSoftmax", np.log)):
    check(f"{op} of opset 11, axis 1", compute(op, x, 11, x.shape, axis=1), f(softmax(x, (1, 2, 3))), f(softmax(x, 1)))
    check(f"{op} of opset 13, axis 1", compute(op, x, 13, x.shape, axis=1), *[f(softmax(x, 1))] * 2)
right, other = compute("Softmax", x, 11, x.shape)
print(f"the sum of all scores: {right.sum():.3f}, by tinygrad {other.sum():.3f}")
assert abs(other.sum() - 40) < 1e-3, "it changed"

# 3. Each pixel adds the kernel, times itself, to nine pixels.
x, kernel = normal(1, 1, 3, 4), normal(1, 1, 3, 3)
spread = np.zeros((1, 1, 7, 9), np.float32)
for y in range(3):
    for i in range(4):
        spread[0, 0, 2 * y:2 * y + 3, 2 * i:2 * i + 3] += x[0, 0, y, i] * kernel[0, 0]
check("ConvTranspose", compute("ConvTranspose", x, 11, spread.shape, kernel, auto_pad="VALID", strides=[2, 2]), spread, spread[:, :, 1:, 1:])
check("ConvTranspose with pads", compute("ConvTranspose", x, 11, spread.shape, kernel, pads=[0] * 4, strides=[2, 2]), spread, spread)
PYTHON
