#!/usr/bin/env bash
# tract 0.23.9 (its Python package): of ONNX, reverse recurrent layers run forwards, and clips, windows and a past are left out.
#
# One would guess: tract.onnx() takes operators as ONNX defines them for the model's opset, or raises an error, as it does for sequences of
# unequal lengths ("Non uniform seq_len is not supported") and for Pad's mode "wrap".
# What happens, without an error or a warning, and with the shapes that the operators have:
#   1. LSTM, GRU and RNN with direction="reverse" give exactly what they give with "forward". "bidirectional" is right.
#   2. clip of all three is left out, and so is input_forget=1 of LSTM, which couples both gates.
#   3. Pad with the modes "edge" and "reflect" pads with constant_value, if that is given beside the mode, which ONNX ignores then: pictures
#      get a black border.
#   4. Attention with is_causal=1 hides the past from the first queries, if there are past keys; left_window_size is left out.
#   5. GlobalLpPool gives the mean, whatever p is.
#   6. ConvTranspose with output_shape cuts an odd number of pixels off at the other end, so that results are one pixel aside.
#   7. Relu, Clip, Max and Min of NaN are numbers, so that a network that failed looks as if it had worked.
# Who is hurt: Rust and WebAssembly services, and cameras and headphones, for which tract is made: readers of lines of text and of speech
# that have a backward layer of its own, segmentation with padding by the edge, and texts that are written word by word.
# Remedy: compare some outputs with ONNX Runtime's; "bidirectional" of which one half is taken for 1.
# Seen on 2026-12-01, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tract==0.23.9 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime as ort
import tract
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)
hidden = 3


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, inputs, opset, shapes, constants=(), **attributes):
    """By ONNX Runtime and by tract; None stands for an input that is not given."""
    names = [f"x{i}" for i in range(len(inputs))] + ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    outputs = [f"y{i}" for i in range(len(shapes))]
    graph = helper.make_graph(
        [helper.make_node(op, names, outputs, **attributes)], "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n, x in zip(names, inputs)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(outputs, shapes)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    checker.check_model(m, full_check=True)
    with open("x.onnx", "wb") as f:
        f.write(m.SerializeToString())
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    right = ort.InferenceSession("x.onnx", options, providers=["CPUExecutionProvider"]).run(None, dict(zip(names, inputs)))
    model = tract.onnx().load("x.onnx")
    for i, x in enumerate(inputs):
        model.set_input_fact(i, ",".join(map(str, x.shape)) + ",f32")
    return right[0], model.into_model().into_runnable().run(inputs)[0].to_numpy()


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, atol=1e-4)


def check(name, results, seen):
    right, other = results
    print(f"{name}: {right.ravel()[:3].round(3)}, by tract {other.ravel()[:3].round(3)}")
    assert not same(right, other) and same(seen, other), "it changed"


# 1. and 2.
x = normal(5, 2, 4)
for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    def layer(directions=1, **attributes):
        weights = [w[:directions] for w in (both[0], both[1], both[2])]
        return compute(op, [x], 14, [(5, directions, 2, hidden)], weights, hidden_size=hidden, **attributes)

    both = normal(2, gates * hidden, 4), normal(2, gates * hidden, hidden), normal(2, 2 * gates * hidden)
    forward = layer()
    assert same(*forward) and same(*layer(2, direction="bidirectional"))
    check(f"{op}, reverse", layer(direction="reverse"), forward[0])
    check(f"{op}, clip", layer(clip=0.5), forward[0])
    if op == "LSTM":
        check(f"{op}, input_forget", layer(input_forget=1), forward[0])

# 3.
x, around = normal(1, 2, 5, 6), ((0, 0), (0, 0), (1, 2), (3, 1))
pads = np.array([0, 0, 1, 3, 0, 0, 2, 1])
for mode in ("edge", "reflect"):
    results = compute("Pad", [x], 13, [(1, 2, 8, 10)], (pads, np.float32(0).reshape(())), mode=mode)
    assert same(results[0], np.pad(x, around, mode=mode))
    check(f"Pad, {mode}", results, np.pad(x, around))
    assert same(*compute("Pad", [x], 13, [(1, 2, 8, 10)], (pads,), mode=mode))


# 4.
def attention(q, k, v, hidden_keys):
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[3])
    scores[..., hidden_keys] = -np.inf
    e = np.exp(scores - scores.max(axis=3, keepdims=True))
    return e / e.sum(axis=3, keepdims=True) @ v


q, k, v, past_k, past_v = normal(1, 2, 4, 8), normal(1, 2, 4, 8), normal(1, 2, 4, 8), normal(1, 2, 3, 8), normal(1, 2, 3, 8)
whole = np.concatenate([past_k, k], 2), np.concatenate([past_v, v], 2)
shapes = [(1, 2, 4, 8), (1, 2, 7, 8), (1, 2, 7, 8)]
row, column = np.mgrid[:4, :7]
results = compute("Attention", [q, k, v], 24, shapes, (None, past_k, past_v), is_causal=1)
assert same(results[0], attention(q, *whole, column > row + 3))
check("Attention with a past", results, attention(q, *whole, column > row))
row, column = np.mgrid[:4, :4]
assert same(*compute("Attention", [q, k, v], 24, shapes[:1], is_causal=1))
results = compute("Attention", [q, k, v], 25, shapes[:1], is_causal=1, left_window_size=1)
assert same(results[0], attention(q, k, v, (column > row) | (column < row - 1)))
check("Attention with a window", results, attention(q, k, v, column > row))

# 5.
results = compute("GlobalLpPool", [x], 2, [(1, 2, 1, 1)], p=1)
assert same(results[0], np.abs(x).sum(axis=(2, 3), keepdims=True))
check("GlobalLpPool", results, x.mean(axis=(2, 3), keepdims=True))

# 6. Each pixel adds the kernel, times itself, to nine pixels; ONNX cuts off at the start what does not halve.
x, kernel = normal(1, 1, 3, 4), normal(1, 1, 3, 3)
spread = np.zeros((1, 1, 7, 9), np.float32)
for y in range(3):
    for i in range(4):
        spread[0, 0, 2 * y:2 * y + 3, 2 * i:2 * i + 3] += x[0, 0, y, i] * kernel[0, 0]
results = compute("ConvTranspose", [x], 11, [(1, 1, 6, 8)], (kernel,), strides=[2, 2], output_shape=[6, 8])
assert same(results[0], spread[:, :, 1:, 1:])
check("ConvTranspose", results, spread[:, :, :-1, :-1])

# 7.
failed, ones = np.full((1, 4), np.nan, np.float32), np.ones((1, 4), np.float32)
bounds = np.float32(0).reshape(()), np.float32(6).reshape(())
for name, results in (("Relu", compute("Relu", [failed], 14, [(1, 4)])), ("Clip", compute("Clip", [failed], 13, [(1, 4)], bounds)),
                      ("Max", compute("Max", [failed, ones], 13, [(1, 4)])), ("Min", compute("Min", [failed, ones], 13, [(1, 4)]))):
    print(f"{name} of NaN: {results[0][0, 0]}, by tract {results[1][0, 0]}")
    assert np.isnan(results[0]).all() and not np.isnan(results[1]).any(), "it changed"
PYTHON
