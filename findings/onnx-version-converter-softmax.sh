#!/usr/bin/env bash
# onnx 1.23.2: onnx.version_converter changes what Softmax, LogSoftmax and Hardmax compute.
#
# One would guess: convert_version() gives a model of another opset that computes the same, or an error where it cannot: its
# documentation promises a RuntimeError where a conversion is not supported, and names these operators nowhere.
# What happens, without an error, and with models that the checker accepts: up to opset 12, these operators take all dimensions
# from the axis on as one, and from 13 on they take the axis alone.
#   1. Softmax and LogSoftmax from 13 down to 12 and 11 keep the axis as it is. Of probabilities of 3 classes for each of 20 pixels,
#      those of a pixel no longer sum to 1, but those of all pixels and classes together do. Only the last axis is right.
#   2. Hardmax from 12 up to 13 keeps the axis, too, and where none is given, it changes from 1 to the last: one winner of an image
#      becomes one of each row. Softmax and LogSoftmax upwards are right.
# Who is hurt: those who convert segmentation models down for compilers and boards that want opset 11 or 12: masks by argmax
# still look right, since the order of the classes does not change, but thresholds, means and entropies do not.
# Remedy: transpose the axis to the end before Softmax and back after it, or export with the opset that is wanted.
# Seen on 2026-11-30, with onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper, version_converter

x = np.random.default_rng(7).normal(size=(1, 3, 4, 5)).astype(np.float32)


def model(nodes, opset, shape, **constants):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(v), k) for k, v in constants.items()])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    return m


def run(m):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def convert(m, opset):
    converted = version_converter.convert_version(m, opset)
    checker.check_model(converted)
    assert converted.opset_import[0].version == opset
    return run(converted)


def softmax(v, axes):
    e = np.exp(v - v.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


# 1. By the definition of opset 13, and by that of opset 12.
for op, f in (("Softmax", lambda v: v), ("LogSoftmax", np.log)):
    for axis in (1, 2, 3):
        m = model([helper.make_node(op, ["x"], ["y"], axis=axis)], 13, x.shape)
        assert np.allclose(run(m), f(softmax(x, axis)), atol=1e-6)
        for opset in (12, 11):
            got = convert(m, opset)
            assert np.allclose(got, f(softmax(x, tuple(range(axis, 4)))), atol=1e-6), "it changed"
    m = model([helper.make_node(op, ["x"], ["y"], axis=1)], 12, x.shape)
    assert np.allclose(run(m), convert(m, 13), atol=1e-6)  # upwards it is right
m = model([helper.make_node("Softmax", ["x"], ["y"], axis=1)], 13, x.shape)
before, after = run(m), convert(m, 12)
print(f"Softmax over 3 classes: a pixel's probabilities sum to {before.sum(axis=1).min():.2f}, in opset 12 to",
      f"{after.sum(axis=1).min():.2f} to {after.sum(axis=1).max():.2f}; all together to {after.sum():.2f}")

# 2. The largest of all, and the largest of each row.
m = model([helper.make_node("Hardmax", ["x"], ["y"])], 12, x.shape)
before, after = run(m), convert(m, 13)
print(f"Hardmax: {before.sum():.0f} winner, in opset 13 {after.sum():.0f}")
assert before.sum() == 1 and before.ravel()[x.argmax()] == 1
assert (after == (x == x.max(axis=-1, keepdims=True))).all(), "it changed"
m = model([helper.make_node("Hardmax", ["x"], ["y"], axis=1)], 12, x.shape)
assert run(m).sum() == 1 and (convert(m, 13) == (x == x.max(axis=1, keepdims=True))).all(), "it changed"
PYTHON
