#!/usr/bin/env bash
# onnxslim 0.1.98: a factor for each column or row of a feature map becomes a factor for each channel, if there are as many.
#
# One would guess: slim() leaves what a model computes as it is, as its README says (fewer operators, the same accuracy); where it
# joins a Conv with the Mul after it, the constant has a factor for each channel: a shape of (channels, 1, 1). For Add, it
# checks that.
# What happens: for Mul, it drops the dimensions of 1 and looks at the number of elements alone. A constant of (8), which is one
# factor for each of 8 columns, or of (8, 1), for each of 8 rows, is multiplied into the weights of 8 channels. There is no error,
# and no warning; the command has --model-check to compare, which is off. With 7 or 9 columns, all is well.
# Who is hurt: those who slim models with windows, positional weights or masks after a convolution (spectrograms with a factor for
# each frequency, attention in patches), once a map is as wide as it has channels: 16 by 16 with 16, 64 with 64.
# Remedy: skip_fusion_patterns=["FusionConvMul"], or compare the outputs by --model-check.
# Seen on 2026-11-30, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxslim==0.1.98 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
import onnxslim
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)
weights = rng.normal(size=(8, 3, 1, 1)).astype(np.float32)


def model(op, constant, x, shape):
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node(op, ["c", "k"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(constant, "k")])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(m, full_check=True)
    return m


def run(m, x):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


for op, apply in (("Mul", np.multiply), ("Add", np.add)):
    for name, shape, size in (("channels", (8, 1, 1), 8), ("columns", (8,), 8), ("columns", (1, 1, 1, 8), 8), ("rows", (8, 1), 8),
                              ("columns", (9,), 9), ("rows", (7, 1), 7)):
        height, width = (size, 5) if name == "rows" else (5, size)
        x = rng.normal(size=(1, 3, height, width)).astype(np.float32)
        constant = rng.normal(size=shape).astype(np.float32)
        sums = np.einsum("oi,nihw->nohw", weights[:, :, 0, 0], x)
        m = model(op, constant, x, sums.shape)
        slim = onnxslim.slim(m)
        assert np.allclose(run(m, x), apply(sums, constant), atol=1e-4)
        got = run(slim, x)
        right = np.allclose(got, apply(sums, constant), atol=1e-4)
        print(f"{op} by {size} {name}, {shape}: {[n.op_type for n in slim.graph.node]}, {'right' if right else 'wrong'}")
        if op == "Mul" and size == 8 and name != "channels":
            assert np.allclose(got, sums * constant.reshape(8, 1, 1), atol=1e-4), "it changed"
            skipped = onnxslim.slim(m, skip_fusion_patterns=["FusionConvMul"])
            assert np.allclose(run(skipped, x), sums * constant, atol=1e-4)
        else:
            assert right
PYTHON
