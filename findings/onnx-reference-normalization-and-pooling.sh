#!/usr/bin/env bash
# onnx 1.23.2: onnx.reference computes LRN, AveragePool with ceil_mode, and LpNormalization with p=1 otherwise than ONNX
# defines them.
#
# One would guess: ReferenceEvaluator is slow, and right: it is there to say what an operator's result is, and runtimes
# and converters are tested against it.
# What happens, without an error, where ONNX Runtime 1.32.0 gives what the definition says:
#   1. LRN counts channels by the number of images: of a single image only the first channel is normalized by its neighbours,
#      all others are x / bias^beta. With as many images as channels, as in ONNX's own test, it is right.
#   2. AveragePool with ceil_mode=1 takes other pixels where the last window sticks out: of a 7x7 image, windows of 3 with
#      steps of 3, even the first window, which lies within the image, has the average of something else.
#   3. LpNormalization with p=1 divides by the sum, not by the sum of the magnitudes: (3, -4) becomes (-3, 4).
# Who is hurt: those who check conversions against it: AlexNet, GoogLeNet and VGG's A-LRN have 1, networks that pool with
# PyTorch's or Caffe's ceil_mode 2. A right conversion looks wrong, and a wrong one may look right.
# Remedy: compare with two runtimes, or with the framework that the model comes from.
# Seen on 2026-11-30.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator


def both(op, x, **attributes):
    """The results of ONNX Runtime and of the reference."""
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a", "b", "c", "d"][: x.ndim])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    checker.check_model(model, full_check=True)
    runtime = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return runtime.run(None, {"x": x})[0], ReferenceEvaluator(model).run(None, {"x": x})[0]


rng = np.random.default_rng(7)
for images in (1, 8):
    x = rng.normal(size=(images, 8, 4, 4)).astype(np.float32)
    sums = np.stack([(x[:, max(0, c - 2) : c + 3] ** 2).sum(axis=1) for c in range(8)], axis=1)
    wanted = x / (1 + sums / 5) ** 0.75
    runtime, reference = both("LRN", x, size=5, alpha=1.0, beta=0.75, bias=1.0)
    right = [bool(np.allclose(reference[:, c], wanted[:, c], atol=1e-6)) for c in range(8)]
    print(f"LRN of {images} images with 8 channels: the reference has {sum(right)} channels right")
    assert np.allclose(runtime, wanted, atol=1e-6) and right == [c < images for c in range(8)], "it changed"

x = np.arange(49, dtype=np.float32).reshape(1, 1, 7, 7)
runtime, reference = both("AveragePool", x, kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1)
print(f"AveragePool: the first window's mean is {x[0, 0, :3, :3].mean()}, the reference says {reference[0, 0, 0, 0]}")
assert runtime[0, 0, 0, 0] == x[0, 0, :3, :3].mean() == 8 and reference[0, 0, 0, 0] == 4, "it changed"

runtime, reference = both("LpNormalization", np.array([[3, -4]], np.float32), p=1, axis=1)
print(f"LpNormalization of (3, -4), p=1: {runtime[0].tolist()}, the reference says {reference[0].tolist()}")
assert np.allclose(runtime, [[3 / 7, -4 / 7]]) and np.allclose(reference, [[-3, 4]]), "it changed"
PYTHON
