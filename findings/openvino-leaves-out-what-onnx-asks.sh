#!/usr/bin/env bash
# openvino 2026.4.1: reading ONNX, it leaves out attributes and inputs that it has no counterpart for, without an error.
#
# One would guess: what the converter cannot express it refuses, as it does other modes of Resize: a model that
# loads computes what ONNX defines.
# What happens, where ONNX Runtime 1.32.0 and arithmetic agree:
#   1. Resize: antialias and exclude_outside are ignored. Scaled down to a quarter, an image in which one column of four is
#      white is black all over, or grey, depending on which column it is; with antialias it is 0.25 everywhere.
#   2. Softmax of opset 11 and older: for these, axis says from where on dimensions are flattened, and it is 1 if not given. Of
#      4x3x5 values, which are to have the sum 1, each column along the axis has it: the sum is 15.
#   3. LSTM: the peephole weights P and input_forget are ignored: the state is that of an LSTM without them.
#   4. AveragePool with ceil_mode and count_include_pad divides windows that reach beyond the padding by their full size, not by
#      the part of it within the padding: of an image of ones, the middle of the lower border is 0.33, not 0.5.
# Who is hurt: models with their preprocessing in them (interpolate(antialias=True) in PyTorch becomes 1, AvgPool2d(...,
# ceil_mode=True) with padding becomes 4), and old models of speech (3). They run, somewhat worse.
# Remedy: compare some outputs with ONNX Runtime's after every conversion; write 2 with opset 13, scale images outside.
# Seen on 2026-11-30, with NumPy 2.4.6, on CPU and with f32.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
	openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference
from PIL import Image


def both(op, x, constants=(), inputs=None, output=0, opset=21, **attributes):
    """The results of ONNX Runtime and of OpenVINO."""
    outputs = [f"y{i}" for i in range(output + 1)]
    graph = helper.make_graph(
        [helper.make_node(op, inputs or ["x", *dict(constants)], outputs, **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_empty_tensor_value_info(y) for y in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model = shape_inference.infer_shapes(model, strict_mode=True)
    checker.check_model(model, full_check=True)
    model = model.SerializeToString()
    runtime = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return runtime.run(None, {"x": x})[output], np.asarray(compiled([x])[output])


# 1. Thin white lines, scaled down to a quarter.
for white, level in ((0, 0), (1, 0.5)):
    lines = np.zeros((1, 1, 64, 64), np.float32)
    lines[..., white::4] = 1
    quarter = dict(constants=[("scales", np.array([1, 1, 0.25, 0.25], np.float32))], inputs=["x", "", "scales"],
                   mode="linear", exclude_outside=1)
    runtime, other = both("Resize", lines, antialias=1, **quarter)
    pillow = np.asarray(Image.fromarray(lines[0, 0]).resize((16, 16), Image.Resampling.BILINEAR))
    print(f"Resize, column {white} of four is white: {runtime[0, 0, 8, 8]:.2f}, OpenVINO {other[0, 0, 8, 8]:.2f}")
    assert np.allclose(runtime[0, 0], pillow, atol=1e-6) and np.allclose(runtime[0, 0, 2:-2, 2:-2], 0.25)
    assert np.allclose(other[0, 0, 2:-2, 2:-2], level), "it changed"

rng = np.random.default_rng(7)
x = rng.normal(size=(1, 1, 7, 9)).astype(np.float32)
cubic = dict(constants=[("scales", np.array([1, 1, 2, 2], np.float32))], inputs=["x", "", "scales"], mode="cubic")
(within, same), (clamped, other) = (both("Resize", x, exclude_outside=e, **cubic) for e in (1, 0))
print(f"Resize, exclude_outside: changes values by up to {np.abs(within - clamped).max():.2f}, OpenVINO's by", np.abs(same - other).max())
assert np.abs(within - clamped).max() > 0.05 and np.allclose(clamped, other, atol=1e-5) and (same == other).all(), "it changed"

# 2. Softmax as it was defined before opset 13.
x = rng.normal(size=(1, 4, 3, 5)).astype(np.float32)
runtime, other = both("Softmax", x, opset=11)
print(f"Softmax of opset 11: the sum is {runtime.sum():.1f}, OpenVINO {other.sum():.1f}")
assert np.allclose(runtime, np.exp(x) / np.exp(x).sum(), atol=1e-6)
assert np.allclose(other, np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), atol=1e-6), "it changed"

# 3. LSTM, after five steps.
x = rng.normal(size=(5, 1, 3)).astype(np.float32)
weights = [(n, rng.normal(size=(1, *s)).astype(np.float32)) for n, s in (("W", (16, 3)), ("R", (16, 4)), ("P", (12,)))]


def state(peepholes=False, coupled=False):
    (w, r, p), h, c = (value[0].astype(float) for _, value in weights), np.zeros(4), np.zeros(4)
    into, out, keep = p.reshape(3, 4) * peepholes
    sigmoid = lambda v: 1 / (1 + np.exp(-v))
    for step in x[:, 0]:
        i, o, f, g = np.split(w @ step + r @ h, 4)
        i = sigmoid(i + into * c)
        f = 1 - i if coupled else sigmoid(f + keep * c)
        c = f * c + i * np.tanh(g)
        h = sigmoid(o + out * c) * np.tanh(c)
    return h


for name, wanted, arguments in (
    ("P", state(peepholes=True), dict(constants=weights, inputs=["x", "W", "R", "", "", "", "", "P"])),
    ("input_forget", state(coupled=True), dict(constants=weights[:2], input_forget=1)),
):
    runtime, other = both("LSTM", x, output=1, hidden_size=4, **arguments)
    print(f"LSTM with {name}: {runtime.ravel().round(3)}, OpenVINO {other.ravel().round(3)}")
    assert np.allclose(runtime.ravel(), wanted, atol=1e-5) and np.abs(wanted - state()).max() > 0.05
    assert np.allclose(other.ravel(), state(), atol=1e-5), "it changed"

# 4. The mean of ones: windows of 3 with steps of 2, of which the last ones reach one pixel beyond the padding.
runtime, other = both("AveragePool", np.ones((1, 1, 8, 8), np.float32), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1],
                      ceil_mode=1, count_include_pad=1)
print(f"AveragePool: the lower border is {runtime[0, 0, -1].round(2)}, OpenVINO {other[0, 0, -1].round(2)}")
assert np.allclose(runtime[0, 0, -1], [2 / 6, 3 / 6, 3 / 6, 3 / 6, 1 / 4])
assert np.allclose(other[0, 0, -1], [2 / 9, 3 / 9, 3 / 9, 3 / 9, 1 / 9]), "it changed"
PYTHON
