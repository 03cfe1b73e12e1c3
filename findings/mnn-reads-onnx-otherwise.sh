#!/usr/bin/env bash
# MNN 3.6.1: its converter from ONNX runs reverse recurrent layers forwards, and takes all axes for the one of ReduceL2.
#
# One would guess: mnnconvert takes operators as ONNX defines them for the model's opset, or stops, as it does for those it lacks: a
# converted model computes what ONNX Runtime computes.
# What happens, without an error, and with the shapes that the operators have but for 2:
#   1. LSTM, GRU and RNN with direction="reverse" give exactly what they give with "forward". "bidirectional" is right.
#   2. ReduceL1, ReduceL2, ReduceLogSumExp and ReduceSumSquare of opset 18 and later, in which the axes are an input, reduce all of the
#      tensor to one number. With the attribute of opset 13 they are right, as are ReduceMean, ReduceSum and ReduceMax of both.
#   3. auto_pad="SAME_LOWER" of Conv pads as SAME_UPPER does, so that results are one pixel aside.
#   4. GridSample in the mode cubic is linear, and the padding "reflection" is "border".
# Who is hurt: those who bring models to telephones with MNN: where embeddings are divided by their lengths (2), all vectors of
# a batch are divided by that of the batch; readers of lines of text, and warped and registered pictures, get worse.
# Remedy: compare some outputs with ONNX Runtime's after each conversion; opset 13 for 2, pads in numbers for 3, and for 1
# "bidirectional", of which one half is taken.
# Seen on 2026-11-30, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mnn==3.6.1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" > log - <<'PYTHON' || { cat log; exit 1; }
import sys

import _tools  # of MNN: what its mnnconvert calls
import MNN
import MNN.expr as expr
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper

rng = np.random.default_rng(7)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, x, opset, shape, *constants, **attributes):
    """The first output, by ONNX Runtime and by MNN. Recurrent layers give their last states, too."""
    shapes = [shape] + [shape[1:]] * {"LSTM": 2, "GRU": 1, "RNN": 1}.get(op, 0)
    names = [f"y{i}" for i in range(len(shapes))]
    graph = helper.make_graph(
        [helper.make_node(op, ["x"] + [f"c{i}" for i in range(len(constants))], names, **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in zip(names, shapes)],
        [numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants)])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    with open("x.onnx", "wb") as f:
        f.write(m.SerializeToString())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    right = ort.InferenceSession("x.onnx", options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", "x.onnx", "--MNNModel", "x.mnn", "--bizCode", "finding"])
    net = MNN.nn.load_module_from_file("x.mnn", ["x"], names)
    output = net.forward([expr.const(x, list(x.shape), expr.NCHW, expr.float)])[0]
    return right, expr.convert(output, expr.NCHW).read().copy()


def check(name, results, wanted, seen):
    right, other = results
    print(f"{name}: {wanted.ravel()[:4].round(3)}, by MNN {other.ravel()[:4].round(3)}", file=sys.stderr)
    assert np.allclose(right, wanted, atol=1e-4)
    assert np.abs(wanted - seen).max() > 1e-2
    assert np.allclose(other, seen, atol=1e-4), "it changed"


def same(name, results):
    print(f"{name}: alike", file=sys.stderr)
    assert np.allclose(*results, atol=1e-4)
    return results[0]


# 1. A layer in reverse is one forwards over the sequence turned round, turned round again.
x = normal(6, 1, 3)
for op, gates, more in (("LSTM", 4, {}), ("GRU", 3, {"linear_before_reset": 1}), ("RNN", 1, {})):
    weights = normal(1, 5 * gates, 3), normal(1, 5 * gates, 5), normal(1, 10 * gates)
    shape = (6, 1, 1, 5)
    forward = same(f"{op} forward", compute(op, x, 14, shape, *weights, hidden_size=5, **more))
    turned = same(f"{op} turned", compute(op, x[::-1].copy(), 14, shape, *weights, hidden_size=5, **more))[::-1]
    check(f"{op} reverse", compute(op, x, 14, shape, *weights, hidden_size=5, direction="reverse", **more), turned, forward)
    twice = [np.concatenate([w, w]) for w in weights]
    both = same(f"{op} bidirectional", compute(op, x, 14, (6, 2, 1, 5), *twice, hidden_size=5, direction="bidirectional", **more))
    assert np.allclose(both[:, 1:], turned, atol=1e-5)

# 2.
x, axes = normal(4, 8), np.array([1])
for op, f in (("ReduceL1", lambda v, a: np.abs(v).sum(axis=a)), ("ReduceL2", lambda v, a: np.sqrt((v * v).sum(axis=a))),
              ("ReduceLogSumExp", lambda v, a: np.log(np.exp(v).sum(axis=a))), ("ReduceSumSquare", lambda v, a: (v * v).sum(axis=a))):
    right, other = compute(op, x, 18, (4, 1), axes, keepdims=1)
    assert other.size == 1, "it changed"
    check(f"{op} of opset 18", (right, other), f(x, 1)[:, None], f(x, None))
    same(f"{op} of opset 13", compute(op, x, 13, (4, 1), axes=[1], keepdims=1))
for op in ("ReduceMean", "ReduceMax"):
    same(op, compute(op, x, 18, (4, 1), axes, keepdims=1))

# 3. Kernels of 2 by 2 need one row and column more, before or behind.
x, kernel = normal(1, 2, 6, 7), normal(3, 2, 2, 2)
upper, lower = (np.einsum("ncyxij,ocij->noyx", np.lib.stride_tricks.sliding_window_view(
    np.pad(x, ((0, 0), (0, 0), pad, pad)), (2, 2), axis=(2, 3)), kernel) for pad in ((0, 1), (1, 0)))
assert np.allclose(same("Conv SAME_UPPER", compute("Conv", x, 17, (1, 3, 6, 7), kernel, auto_pad="SAME_UPPER")), upper, atol=1e-4)
check("Conv SAME_LOWER", compute("Conv", x, 17, (1, 3, 6, 7), kernel, auto_pad="SAME_LOWER"), lower, upper)

# 4.
x, grid = normal(1, 1, 5, 5), rng.uniform(-1.5, 1.5, (1, 4, 4, 2)).astype(np.float32)
results = {(mode, padding): compute("GridSample", x, 20, (1, 1, 4, 4), grid, mode=mode, padding_mode=padding, align_corners=1)
           for mode, padding in (("linear", "border"), ("cubic", "border"), ("linear", "reflection"))}
linear = same("GridSample linear", results["linear", "border"])
for name, (right, other) in list(results.items())[1:]:
    check(f"GridSample {name}", (right, other), right, linear)
PYTHON
