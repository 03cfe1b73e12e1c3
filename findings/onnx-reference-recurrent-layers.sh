#!/usr/bin/env bash
# onnx 1.23.2: onnx.reference leaves sequence_lens, clip, activations and input_forget of recurrent layers out, and shifts MaxPool.
#
# One would guess: ReferenceEvaluator is slow, and right, and raises an error for what it does not have: it is there to say what an
# operator's result is, and runtimes and converters are tested against it.
# What happens, without an error, where ONNX Runtime 1.32.0 gives what the definition says:
#   1. LSTM, GRU and RNN go on to the end of the longest sequence, whatever sequence_lens says: the last state of a shorter one is that after
#      the padding behind it, and its outputs there are not 0.
#   2. clip is left out by all three. LSTM and GRU take sigmoid and tanh, whatever activations says; RNN refuses what it does not have.
#   3. input_forget=1 of LSTM, which couples both gates, is left out.
#   4. MaxPool with auto_pad="SAME_LOWER" and stride 2 pads behind, as SAME_UPPER does, so that a kernel of 3 takes pixels one further to the
#      right and below of pictures with even sides; of odd sides, the output lacks a row and a column.
#   5. Softmax and LogSoftmax of opset 12 and before go over the axis alone, as those of 13 do, not over all dimensions from it on.
# Who is hurt: those who check conversions of text readers, speech and sensors against it, all of which have batches of unequal lengths:
# a right conversion looks wrong, and one that leaves the lengths out as well looks right.
# Remedy: compare with two runtimes, or with the framework that the model comes from.
# Seen on 2026-12-01, with NumPy 2.4.6. What it makes of LRN, AveragePool and LpNormalization is told in
# onnx-reference-normalization-and-pooling.sh.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(7)
hidden = 3


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, x, opset, shapes, *constants, **attributes):
    """All outputs, by ONNX Runtime and by ONNX's reference."""
    outputs = [f"y{i}" for i in range(len(shapes))]
    graph = helper.make_graph(
        [helper.make_node(op, ["x"] + [f"c{i}" for i in range(len(constants))], outputs, **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info(*p) for p in zip(outputs, [TensorProto.FLOAT] * 2, shapes)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants)])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x}), ReferenceEvaluator(m).run(None, {"x": x})


def layer(op, x, *constants, **attributes):
    shapes = [(len(x), 1, x.shape[1], hidden), (1, x.shape[1], hidden)]
    return compute(op, x, 14, shapes, *constants, hidden_size=hidden, **attributes)


def close(left, right):
    return all(np.allclose(a, b, atol=1e-5) for a, b in zip(left, right, strict=True))


# Two sequences, of 5 and 2 steps.
x, lengths = normal(5, 2, 4), np.array([5, 2], np.int32)
for op, gates, other in (("LSTM", 4, ["HardSigmoid", "Relu", "Tanh"]), ("GRU", 3, ["HardSigmoid", "Relu"]), ("RNN", 1, None)):
    weights = normal(1, gates * hidden, 4), normal(1, gates * hidden, hidden), normal(1, 2 * gates * hidden)
    plain, reference = layer(op, x, *weights)
    assert close(plain, reference)
    # 1. What the shorter sequence gives alone.
    alone = layer(op, x[:2, 1:], *weights)
    assert close(*alone)
    right, seen = layer(op, x, *weights, lengths)
    print(f"{op}, last state of the shorter sequence: {right[1][0, 1].round(3)}, by the reference {seen[1][0, 1].round(3)}")
    assert np.allclose(right[1][0, 1], alone[1][1][0, 0], atol=1e-5) and (right[0][2:, 0, 1] == 0).all()
    assert close(seen, reference), "it changed"
    # 2. and 3.
    options = [{"clip": 0.2}] + [{"activations": other}] * (other is not None) + [{"input_forget": 1}] * (op == "LSTM")
    for option in options:
        right, seen = layer(op, x, *weights, **option)
        print(f"{op}, {option}: {right[1][0, 0].round(3)}, by the reference {seen[1][0, 0].round(3)}")
        assert np.abs(right[1] - plain[1]).max() > 0.02
        assert close(seen, reference), "it changed"
    if op == "RNN":
        w, r, b = (p[0] for p in weights)
        state = np.zeros((2, hidden))
        for step in x:
            state = np.tanh(np.clip(step @ w.T + state @ r.T + b[:hidden] + b[hidden:], -0.2, 0.2))
        assert np.allclose(layer(op, x, *weights, clip=0.2)[0][1][0], state, atol=1e-5)

# 4. One row and column more, before or behind; and before and behind each, of 7.
image = normal(1, 1, 8, 8)
lower, upper = (np.lib.stride_tricks.sliding_window_view(
    np.pad(image, ((0, 0), (0, 0), pad, pad), constant_values=-np.inf), (3, 3), axis=(2, 3)).max(axis=(4, 5))[:, :, ::2, ::2]
    for pad in ((1, 0), (0, 1)))
pool = {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}
right, seen = compute("MaxPool", image, 12, [(1, 1, 4, 4)], **pool)
print("MaxPool:", right[0][0, 0, 0].round(2), "by the reference", seen[0][0, 0, 0].round(2))
assert close(right, [lower]) and np.abs(lower - upper).max() > 0.1
assert close(seen, [upper]), "it changed"
right, seen = compute("MaxPool", image[:, :, :7, :7].copy(), 12, [(1, 1, 4, 4)], **pool)
assert right[0].shape == (1, 1, 4, 4) and seen[0].shape == (1, 1, 3, 3), "it changed"

# 5.
scores = normal(2, 3, 4)
for op, f in (("Softmax", np.exp), ("LogSoftmax", lambda v: v)):
    old, new = (scores - np.log(np.exp(scores).sum(axis=axes, keepdims=True)) for axes in ((1, 2), 1))
    right, seen = compute(op, scores, 11, [scores.shape], axis=1)
    assert close(right, [f(old)])
    assert close(seen, [f(new)]), "it changed"
PYTHON
