#!/usr/bin/env bash
# onnxruntime 1.32.0: Resize with antialias turns all negative values of int8 to 0.
#
# One would guess: Resize of whole numbers of 8 bits with a sign gives what it gives of the same numbers in float32, rounded; int8 is
# among the types of ONNX's Resize, and without antialias it is so.
# What happens: with antialias=1, both passes, along the rows and the columns, cut their sums off at 0, as if the numbers were
# pixels from 0 to 255. What is negative becomes 0, and what lies beside it is too large. So it is with "linear" and "cubic", up
# and down, with four dimensions. There is no error. uint8, int32 and float32 are right.
# Who is hurt: int8 models with such a Resize: quantize_static() of onnxruntime itself makes one of a float model with
# QuantFormat.QOperator, and int8 is its default for activations: the lower half of a feature map's range is gone. (Not with QDQ.)
# Remedy: activation_type=QuantType.QUInt8, or QDQ, or nodes_to_exclude with that Resize.
# Seen on 2026-11-30, with onnx 1.23.2 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - 2> log <<'PYTHON' || { cat log; exit 1; }
import numpy as np
import onnx
import onnxruntime as ort
from onnx import checker, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

rng = np.random.default_rng(7)


def model(nodes, x, shape, **constants):
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, x.shape)], [helper.make_tensor_value_info("y", kind, shape)],
        [numpy_helper.from_array(v, k) for k, v in constants.items()])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(m, full_check=True)
    return m


def run(m, x):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    content = m if isinstance(m, str) else m.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def halved(n):
    """The weights of n samples for n/2 new ones: a triangle over four of them, where the border's sample goes on outside."""
    weights = np.zeros((n // 2, n))
    for i in range(n // 2):
        for place, weight in zip(range(2 * i - 1, 2 * i + 3), (1 / 8, 3 / 8, 3 / 8, 1 / 8)):
            weights[i, min(max(place, 0), n - 1)] += weight
    return weights


def resize(x, antialias=1):
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="linear", antialias=antialias)
    return run(model([node], x, (1, 1, 8, 8), scales=np.array([1, 1, 0.5, 0.5], np.float32)), x)


x = rng.integers(-128, 128, (1, 1, 16, 16)).astype(np.int8)
down = halved(16)
exact = down @ x[0, 0].astype(float) @ down.T
clipped = np.maximum(0, np.maximum(0, x[0, 0] @ down.T).T @ down.T).T
got = resize(x)[0, 0]
assert np.abs(resize(x.astype(np.float32))[0, 0] - exact).max() < 1e-4
assert np.abs(resize(x.astype(np.int32))[0, 0] - exact).max() <= 2
assert np.abs(resize((x.astype(int) + 128).astype(np.uint8))[0, 0] - 128.0 - exact).max() <= 2
assert resize(x, antialias=0).min() < 0
print(f"int8: of {(exact < -2).sum()} negative values of {exact.size}, {(got < 0).sum()} are left;",
      f"the mean is {got.mean():.1f} instead of {exact.mean():.1f}")
assert got.min() == 0 and np.abs(got - clipped).max() <= 3, "it changed"

# A small float model, quantized.
images = rng.normal(size=(1, 3, 16, 16)).astype(np.float32)
weights = rng.normal(size=(4, 3, 1, 1)).astype(np.float32)
m = model([helper.make_node("Conv", ["x", "w"], ["c"]),
           helper.make_node("Resize", ["c", "", "scales"], ["r"], mode="linear", antialias=1),
           helper.make_node("Conv", ["r", "v"], ["y"])], images, (1, 4, 8, 8), w=weights,
          scales=np.array([1, 1, 0.5, 0.5], np.float32), v=np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1))
onnx.save(m, "float.onnx")
wanted = run(m, images)


class Reader(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"x": images}])

    def get_next(self):
        return next(self.batches, None)


for form, kind, spoiled in ((QuantFormat.QOperator, QuantType.QInt8, True), (QuantFormat.QOperator, QuantType.QUInt8, False),
                            (QuantFormat.QDQ, QuantType.QInt8, False)):
    quantize_static("float.onnx", "int8.onnx", Reader(), quant_format=form, activation_type=kind, weight_type=QuantType.QInt8)
    y = run("int8.onnx", images)
    print(f"{form.name}, {kind.name}: least value {y.min():.2f}, in float32 {wanted.min():.2f}; largest error {np.abs(y - wanted).max():.2f}")
    if spoiled:
        assert y.min() > wanted.min() + 1 and np.abs(y - wanted).max() > 1, "it changed"
    else:
        assert np.abs(y - wanted).max() < 0.15
PYTHON
