#!/usr/bin/env bash
# apache-tvm 0.27.0.post1: of ONNX, Resize takes another scale and no antialias, RoiAlign half a pixel less, and Relu makes 0 of NaN.
#
# One would guess: from_onnx() takes attributes and inputs as ONNX defines them, or raises an error, as it does for operators that it
# does not have (LSTM, CenterCropPad) and for other modes (half_pixel_symmetric).
# What happens, without an error or a warning:
#   1. Resize by scales computes positions from the rounded sizes. A row of 11 pixels with the scale 1.7 has 18 of them, and pixel x
#      is to come from (x + 0.5) / 1.7 - 0.5, as ONNX Runtime and ONNX's reference have it; here it comes from (x + 0.5) * 11 / 18 - 0.5.
#      With the scale 0.6, of 6 pixels the last is a pixel too far to the right. Only scales that give whole sizes are right.
#   2. antialias=1 of Resize is left out: of stripes at a quarter of their size, pixels are black or white, not grey.
#   3. RoiAlign with "half_pixel", which is what opset 16 takes unless told otherwise, shifts boxes by half a pixel of the picture
#      instead of the feature map: with spatial_scale 1/16, values come from nearly half a pixel of the map aside, 8 of the picture.
#   4. Relu, Clip, Max, Min, ReduceMax and Sign of NaN are numbers: 0 from Relu, and the lower bound from Clip.
#   5. ReduceL1, ReduceL2, ReduceLogSum and ReduceSumSquare with noop_with_empty_axes=1 and no axes return x instead of |x|, |x|, log x
#      and x * x.
#   6. MaxPool with auto_pad="SAME_LOWER" of odd sides loses the last row and column. AveragePool and Conv do not.
# Who is hurt: those who compile detectors, segmentation and models with their preprocessing for boards: boxes and masks are a bit off,
# and a network that has failed with NaN gives scores that look like others.
# Remedy: compare some outputs with ONNX Runtime's after compiling; sizes instead of scales for 1, pads in numbers for 6.
# Seen on 2026-12-01, for llvm on a CPU, with onnx 1.23.2, onnxruntime 1.32.0 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check apache-tvm==0.27.0.post1 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" > log - <<'PYTHON' || { cat log; exit 1; }
import numpy as np
import onnxruntime as ort
import tvm
from onnx import TensorProto, checker, helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

rng = np.random.default_rng(7)
empty = np.array([], np.float32)


def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)


def compute(op, x, shape, opset, *constants, **attributes):
    """By ONNX Runtime and by TVM."""
    graph = helper.make_graph(
        [helper.make_node(op, ["x"] + [f"c{i}" * (c is not None) for i, c in enumerate(constants)], ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(c), f"c{i}") for i, c in enumerate(constants) if c is not None])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    checker.check_model(m, full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    right = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    module = relax.transform.LegalizeOps()(relax.transform.DecomposeOpsForInference()(from_onnx(m, keep_params_in_input=False)))
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return right, machine["main"](tvm.runtime.tensor(x)).numpy()


def check(name, results, wanted, seen):
    right, other = results
    print(f"{name}: {wanted.ravel()[-4:].round(3)}, by TVM {other.ravel()[-4:].round(3)}")
    assert np.allclose(right, wanted, atol=1e-4, equal_nan=True)
    assert other.shape == seen.shape and np.allclose(other, seen, atol=1e-4, equal_nan=True), "it changed"


# 1. Linear along one row: the value between two pixels, and that of the last one beyond it.
def row(x, size, scale):
    return np.interp((np.arange(size) + 0.5) / scale - 0.5, np.arange(x.size), x.ravel()).astype(np.float32).reshape(1, 1, 1, size)


x = normal(1, 1, 1, 11)
for scale, size in ((1.7, 18), (0.6, 6), (3, 33)):
    check(f"Resize by {scale}", compute("Resize", x, (1, 1, 1, size), 18, empty, np.array([1, 1, 1, scale], np.float32), mode="linear"),
          row(x, size, scale), row(x, size, size / 11))
check("Resize to 18", compute("Resize", x, (1, 1, 1, 18), 18, empty, None, np.array([1, 1, 1, 18]), mode="linear"),
      *[row(x, 18, 18 / 11)] * 2)

# 2. One column in four is white, and the one after it is taken from the picture without antialias.
for first, seen in ((0, 0), (1, 0.5)):
    stripes = np.zeros((1, 1, 32, 32), np.float32)
    stripes[..., first::4] = 1
    right, other = compute("Resize", stripes, (1, 1, 8, 8), 18, empty, np.array([1, 1, 0.25, 0.25], np.float32), mode="linear", antialias=1)
    print(f"stripes: {right[0, 0, 3, 2:6].round(3)}, by TVM {other[0, 0, 3, 2:6].round(3)}")
    assert np.allclose(right[..., 1:-1], 0.25) and np.allclose(other, seen), "it changed"

# 3. On a slope, an average is the value in the middle of a bin.
slope = np.tile(np.arange(32, dtype=np.float32), (1, 1, 32, 1))
images = np.array([0])
for scale in (1 / 16, 1.0):
    left, width = 6, 16
    box = np.array([[left / scale, left / scale, (left + width) / scale, (left + width) / scale]], np.float32)
    wanted = np.tile(left - 0.5 + width / 4 * (np.arange(4) + 0.5), (1, 1, 4, 1)).astype(np.float32)
    check(f"RoiAlign, scale {scale}", compute("RoiAlign", slope, (1, 1, 4, 4), 16, box, images, output_height=4, output_width=4,
                                              sampling_ratio=2, spatial_scale=scale), wanted, wanted + 0.5 - 0.5 * scale)

# 4.
x = np.array([[np.nan, 1, -1]], np.float32)
low, high = np.float32(-0.5), np.float32(0.5)
for op, opset, constants, seen in (("Relu", 14, (), 0), ("Clip", 13, (low, high), low), ("Max", 13, (low,), low), ("Min", 13, (high,), high),
                                   ("Sign", 13, (), 0)):
    right, other = compute(op, x, (1, 3), opset, *constants)
    print(f"{op} of NaN: {right[0, 0]}, by TVM {other[0, 0]}")
    assert np.isnan(right[0, 0]) and other[0, 0] == seen and (other[0, 1:] == right[0, 1:]).all(), "it changed"
right, other = compute("ReduceMax", x, (1, 1), 13, axes=[1])
assert np.isnan(right).all() and other == 1, "it changed"

# 5.
x = np.array([[0.25, 0.5, 3]], np.float32)
for op, sign, f in (("ReduceL1", -1, np.abs), ("ReduceL2", -1, np.abs), ("ReduceLogSum", 1, np.log), ("ReduceSumSquare", 1, np.square)):
    check(op, compute(op, sign * x, (1, 3), 18, noop_with_empty_axes=1), f(sign * x), sign * x)

# 6. Padded by one row and column above and to the left.
x = normal(1, 1, 7, 7) - 9
padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (1, 0)), constant_values=-np.inf)
pool = padded.reshape(1, 1, 4, 2, 4, 2).max(axis=(3, 5))
results = compute("MaxPool", x, (1, 1, 4, 4), 12, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_LOWER")
print(f"MaxPool: {results[0].shape}, by TVM {results[1].shape}")
assert np.allclose(results[0], pool) and results[1].shape == (1, 1, 3, 3), "it changed"
PYTHON
