#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: cv2.dnn computes four things of ONNX otherwise: SAME_LOWER, old Softmax and Resize, antialias.
#
# One would guess: readNetFromONNX() takes attributes as ONNX defines them for the model's opset, or raises an error, as it does for
# operators that it does not have.
# What happens, without an error or a warning, with the classic engine and with the new one:
#   1. auto_pad="SAME_LOWER" of Conv, MaxPool and AveragePool pads as SAME_UPPER does: with kernels of even sizes, and with strides,
#      all values come from one pixel further to the right and below.
#   2. Softmax and LogSoftmax of opset 12 and before go over the axis alone, as those of 13 do, not over all dimensions from it on.
#   3. antialias=1 of Resize is left out: pictures of stripes at a quarter of their size are black or white, not grey.
#   4. Linear Resize of opset 10, which takes new pixel x from x / scale, takes it from (x + 0.5) / scale - 0.5.
# Who is hurt: those who run models of older exporters and of TensorFlow's and Core ML's converters in OpenCV: features and masks are
# shifted or softened by half a pixel to one, and scores have another scale; accuracy drops, and nothing says why.
# Remedy: pads in numbers, and Resize and Softmax of opset 13 and later, without antialias. The engine ENGINE_ORT is not in the wheel.
# Seen on 2026-11-30, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
OPENCV_LOG_LEVEL=WARNING "$work/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)
cv2.setNumThreads(1)


def compute(op, x, opset, shape, *constants, **attributes):
    """By ONNX Runtime, and by OpenCV's two engines."""
    inputs = ["x"] + [f"c{i}" if c is not None else "" for i, c in enumerate(constants)]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    content = m.SerializeToString()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    results = [ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]]
    for engine in (cv2.dnn.ENGINE_CLASSIC, cv2.dnn.ENGINE_NEW):
        net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8), engine)
        net.setInput(x)
        results.append(net.forward())
    return results


def check(name, results, wanted, seen):
    right, *others = results
    print(f"{name}: {wanted.ravel()[:4].round(3)}, by OpenCV {others[0].ravel()[:4].round(3)}")
    assert np.allclose(right, wanted, atol=1e-4)
    for y in others:
        assert np.allclose(y, seen, atol=1e-4), "it changed"


def windows(x, before, after, value):
    """The 2 by 2 windows of a picture with so many rows and columns more, one for each of its pixels."""
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)), constant_values=value)
    return np.lib.stride_tricks.sliding_window_view(padded, (2, 2), axis=(2, 3))


# 1.
x = rng.normal(size=(1, 2, 6, 7)).astype(np.float32)
kernel = rng.normal(size=(3, 2, 2, 2)).astype(np.float32)
convolve = lambda w: np.einsum("ncyxij,ocij->noyx", w, kernel)
check("Conv", compute("Conv", x, 17, (1, 3, 6, 7), kernel, auto_pad="SAME_LOWER"), convolve(windows(x, 1, 0, 0)), convolve(windows(x, 0, 1, 0)))
mean = lambda w: np.nanmean(w, axis=(4, 5))
for op, f, value in (("MaxPool", lambda w: w.max(axis=(4, 5)), -np.inf), ("AveragePool", mean, np.nan)):
    results = compute(op, x, 17, x.shape, kernel_shape=[2, 2], auto_pad="SAME_LOWER")
    check(op, results, f(windows(x, 1, 0, value)), f(windows(x, 0, 1, value)))
    results = compute(op, x, 17, x.shape, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
    assert all(np.allclose(y, f(windows(x, 0, 1, value)), atol=1e-5) for y in results)


# 2.
def softmax(v, axes):
    e = np.exp(v - v.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


for op, f in (("Softmax", lambda v: v), ("LogSoftmax", np.log)):
    check(f"{op} of opset 12", compute(op, x, 12, x.shape, axis=1), f(softmax(x, (1, 2, 3))), f(softmax(x, 1)))
    assert all(np.allclose(y, f(softmax(x, 1)), atol=1e-5) for y in compute(op, x, 13, x.shape, axis=1))

# 3. Stripes of two pixels, at a quarter of their size: each new pixel is the weighted mean of eight of them, or of the middle two.
stripes = np.tile(np.array([0, 255, 255, 0], np.float32), (1, 1, 16, 4))
row, few = np.zeros(4), np.zeros(4)
for i in range(4):
    for place, weight in zip(range(4 * i - 2, 4 * i + 6), (1, 3, 5, 7, 7, 5, 3, 1)):
        row[i] += weight / 32 * stripes[0, 0, 0, min(max(place, 0), 15)]
    few[i] = stripes[0, 0, 0, 4 * i + 1:4 * i + 3].mean()
quarter = np.array([1, 1, 0.25, 0.25], np.float32)
results = compute("Resize", stripes, 18, (1, 1, 4, 4), None, quarter, mode="linear", antialias=1)
check("Resize with antialias", results, np.tile(row, (1, 1, 4, 1)), np.tile(few, (1, 1, 4, 1)))


# 4. Twice as many pixels from between the old ones, whose places are clamped to the picture.
def interpolate(v, places):
    places = np.clip(places, 0, len(v) - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, len(v) - 1)
    return v[low] + (v[high] - v[low]) * (places - low)


line = rng.normal(size=6).astype(np.float32)
picture = np.tile(line, (1, 1, 6, 1))
new = np.arange(12)
results = compute("Resize", picture, 10, (1, 1, 12, 12), np.array([1, 1, 2, 2], np.float32), mode="linear")
check("Resize of opset 10", results, np.tile(interpolate(line, new / 2), (1, 1, 12, 1)),
      np.tile(interpolate(line, (new + 0.5) / 2 - 0.5), (1, 1, 12, 1)))
PYTHON
