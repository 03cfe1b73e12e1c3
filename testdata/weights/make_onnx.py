"""Makes small ONNX models as exporters write them, and some that must be refused.

    pip install onnx==1.23.2 numpy==2.4.6; python make_onnx.py

All are the network 3x8x8 -> conv 4 -> relu -> pool -> conv 5 -> relu -> pool -> 6 -> relu -> 3,
written in different ways. What is expected of the weights is in golden.json, of those to be
refused in refused.json. That a model means what golden.json says is checked here: its output
by onnx's reference evaluator is that of the expected weights in plain NumPy.
"""

import json
import pathlib
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

HERE = pathlib.Path(__file__).parent / "onnx"
shutil.rmtree(HERE, ignore_errors=True)
(HERE / "refused").mkdir(parents=True)
rng = np.random.default_rng(1)


def numbers(*shape):
    return (rng.integers(-20, 21, shape) / 16).astype("<f4")  # exact in float16 and bfloat16


W0, B0, W1, B1 = numbers(4, 3, 3, 3), numbers(4), numbers(5, 4, 3, 3), numbers(5)
D0, E0, D1, E1 = numbers(6, 20), numbers(6), numbers(3, 6), numbers(3)
picture = rng.integers(0, 256, (2, 3, 8, 8)).astype("<f4")
golden, notes, refused = {}, {}, {}


def network(c0=B0, c1=B1, e0=E0, e1=E1):
    names = "convolution_0", "convolution_1", "dense_0", "dense_1"
    tensors = (W0, c0), (W1, c1), (D0, e0), (D1, e1)
    return {f"sequence/{n}/{part}": t for n, pair in zip(names, tensors) for part, t in zip(("weight", "bias"), pair)}


def forward(x, want):
    """The network in NumPy, with the weights that are expected."""
    for i in (0, 1):
        w, b = want[f"sequence/convolution_{i}/weight"].astype("f8"), want[f"sequence/convolution_{i}/bias"]
        n, c, h, _ = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        x = sum(np.einsum("nchw,oc->nohw", padded[:, :, r : r + h, s : s + h], w[:, :, r, s]) for r in range(3) for s in range(3))
        x += b[:, None, None]
        if f"sequence/batch_norm_{i}/weight" in want:
            g, b, m, v = (want[f"sequence/batch_norm_{i}/{p}"].astype("f8")[:, None, None] for p in ("weight", "bias", "running_mean", "running_var"))
            x = (x - m) / np.sqrt(v + 1e-5) * g + b
        x = np.maximum(x, 0)
        x = x.reshape(n, -1, h // 2, 2, h // 2, 2).max((3, 5))
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ want["sequence/dense_0/weight"].T + want["sequence/dense_0/bias"], 0)
    return x @ want["sequence/dense_1/weight"].T + want["sequence/dense_1/bias"]


def init(name, array):
    return numpy_helper.from_array(np.array(array, order="C"), name)


def model(nodes, inits, shape=(None, 3, 8, 8), dtype=TensorProto.FLOAT, opset=17):
    shape = ["N" if d is None else d for d in shape]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", dtype, shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], inits
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name=f"/{op}_{output}", **attributes)


def save(name, m, want, x=picture, seen=None, note=None):
    onnx.checker.check_model(m)
    (HERE / name).write_bytes(m.SerializeToString())
    got = ReferenceEvaluator(m).run(None, {"x": x})[0]
    expected = forward(np.asarray(picture if seen is None else seen, "f8"), want)
    assert np.allclose(got, expected, rtol=2e-3, atol=1e-2), (name, abs(got - expected).max())
    expect(name, want, note)


def expect(name, want, note=None):
    golden[name] = {k: {"shape": list(t.shape), "values": [float(v) for v in np.asarray(t, "<f4").ravel()]} for k, t in want.items()}
    if note:
        notes[name] = note


conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1], group=1)
pool = dict(kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], ceil_mode=0)


def body(first="x", bias1=True):
    """As PyTorch's exporter of today writes the convolutions."""
    return [
        node("Conv", [first, "w.0", "b.0"], "c0", **conv),
        node("Relu", ["c0"], "r0"),
        node("MaxPool", ["r0"], "p0", **pool),
        node("Conv", ["p0", "onnx::Conv_7"] + ["b.1"] * bias1, "c1", **conv),
        node("Relu", ["c1"], "r1"),
        node("MaxPool", ["r1"], "p1", **pool),
    ]


top = [
    node("AveragePool", ["p1"], "a", kernel_shape=[1, 1], strides=[1, 1]),
    node("Flatten", ["a"], "f", axis=1),
    node("Gemm", ["f", "d.0", "e.0"], "g0", alpha=1.0, beta=1.0, transB=1),
    node("Relu", ["g0"], "gr"),
    node("Dropout", ["gr"], "gd"),
    node("Gemm", ["gd", "d.1", "e.1"], "y", alpha=1.0, beta=1.0, transB=1),
]
inits = [init("w.0", W0), init("b.0", B0), init("onnx::Conv_7", W1), init("b.1", B1), init("d.0", D0), init("e.0", E0), init("d.1", D1), init("e.1", E1)]

save("torch.onnx", model(body() + top, inits), network())

# torch drops biases that are all zero, and names one constant by another with Identity.
zero = [i for i in inits if i.name not in ("b.1", "b.0", "e.1")] + [init("shared", B0)]
nodes = [node("Identity", ["shared"], "b.0"), node("Constant", [], "e.1", value=init("", E1))] + body(bias1=False) + top
save("zero_bias.onnx", model(nodes, zero), network(c1=np.zeros(5, "f")))

# x.view(x.size(0), -1), weights behind a Transpose, Gemm without transB and without a bias.
nodes = body() + [
    node("Shape", ["p1"], "s"),
    node("Gather", ["s", "zero"], "s0", axis=0),
    node("Unsqueeze", ["s0", "axes"], "s1"),
    node("Concat", ["s1", "minus"], "s2", axis=0),
    node("Reshape", ["p1", "s2"], "f"),
    node("Transpose", ["d.0"], "d.0t", perm=[1, 0]),
    node("MatMul", ["f", "d.0t"], "g0"),
    node("Relu", ["g0"], "gr"),
    node("Gemm", ["gr", "d.1t", "e.1"], "y"),
]
m = model(nodes, inits[:4] + [inits[4], inits[7], init("d.1t", D1.T), init("zero", np.int64(0)), init("axes", np.array([0])), init("minus", np.array([-1]))])
save("view.onnx", m, network(e0=np.zeros(6, "f")))

# External data.
m = model(body() + top, inits)
onnx.save_model(m, HERE / "external.onnx", save_as_external_data=True, all_tensors_to_one_file=True, location="external.bin", size_threshold=0)
m = onnx.load(HERE / "external.onnx")
expect("external.onnx", network())

# Every encoding of elements.
def encoded(t, dtype, raw):
    a = numpy_helper.to_array(t)
    if raw:
        return helper.make_tensor(t.name, dtype, a.shape, helper.make_tensor("", dtype, a.shape, a.ravel()).raw_data or convert(a, dtype), raw=True)
    return helper.make_tensor(t.name, dtype, a.shape, a.ravel())


def convert(a, dtype):
    if dtype == TensorProto.BFLOAT16:
        return (a.view("<u4") >> 16).astype("<u2").tobytes()
    return a.astype({TensorProto.FLOAT: "<f4", TensorProto.FLOAT16: "<f2", TensorProto.DOUBLE: "<f8"}[dtype]).tobytes()


for name, dtype in {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16, "double": TensorProto.DOUBLE}.items():
    for raw in (False, True):
        ts = [encoded(t, dtype, raw) for t in inits]
        file = f"{name}_{'raw' if raw else 'field'}.onnx"
        (HERE / file).write_bytes(model(body() + top, ts).SerializeToString())
        expect(file, network())

# Batch normalization after convolutions without bias, once with another epsilon.
BN = [[numbers(n), numbers(n), numbers(n), abs(numbers(n)) + 0.25] for n in (4, 5)]
nodes = [
    node("Conv", ["x", "w.0"], "c0", **conv),
    node("BatchNormalization", ["c0", "g0_", "h0_", "m0_", "v0_"], "n0", epsilon=1e-5),
    node("Relu", ["n0"], "r0"),
    node("MaxPool", ["r0"], "p0", **pool),
    node("Conv", ["p0", "onnx::Conv_7", "b.1"], "c1", **conv),
    node("BatchNormalization", ["c1", "g1_", "h1_", "m1_", "v1_"], "n1", epsilon=1e-3),
    node("Relu", ["n1"], "r1"),
    node("MaxPool", ["r1"], "p1", **pool),
]
stats = [init(f"{p}{i}_", BN[i][j]) for i in (0, 1) for j, p in enumerate("ghmv")]
want = network(c0=np.zeros(4, "f"))
for i in (0, 1):
    for part, t in zip(("weight", "bias", "running_mean", "running_var"), BN[i]):
        want[f"sequence/batch_norm_{i}/{part}"] = t
want["sequence/batch_norm_1/running_var"] = (BN[1][3].astype("f8") + np.float64(np.float32(1e-3)) - 1e-5).astype("f4")
save("batch_norm.onnx", model(nodes + top, [t for t in inits if t.name != "b.0"] + stats), want)

# Keras by tf2onnx: pictures NHWC, caffe's preprocessing inside, biases by Add, the flattening
# after a Transpose back. The dense kernel takes row, column, channel.
mean = np.array([-103.939, -116.779, -123.68], "f")
nodes = [
    node("Slice", ["x", "from", "to", "axis", "step"], "bgr"),
    node("Add", ["bgr", "mean"], "centered"),
    node("Transpose", ["centered"], "nchw", perm=[0, 3, 1, 2]),
    node("Conv", ["nchw", "w.0"], "k0", kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
    node("Add", ["k0", "b.0r"], "c0"),
    node("Relu", ["c0"], "r0"),
    node("MaxPool", ["r0"], "p0", kernel_shape=[2, 2], strides=[2, 2]),
    node("Pad", ["p0", "pads"], "pp"),
    node("Conv", ["pp", "onnx::Conv_7", "b.1"], "c1", kernel_shape=[3, 3]),
    node("Relu", ["c1"], "r1"),
    node("MaxPool", ["r1"], "p1", kernel_shape=[2, 2], strides=[2, 2]),
    node("Transpose", ["p1"], "back", perm=[0, 2, 3, 1]),
    node("Reshape", ["back", "shape"], "f"),
    node("MatMul", ["f", "dense"], "m0"),
    node("Add", ["m0", "e.0"], "g0"),
    node("Relu", ["g0"], "gr"),
    node("MatMul", ["gr", "dense_1"], "m1"),
    node("Add", ["e.1", "m1"], "y"),
]
ts = [t for t in inits if t.name not in ("b.0", "d.0", "d.1")] + [
    init("b.0r", B0.reshape(1, 4, 1, 1)),
    init("dense", D0.reshape(6, 5, 4).transpose(2, 1, 0).reshape(20, 6)),
    init("dense_1", D1.T),
    init("mean", mean),
    init("shape", np.array([-1, 20])),
    init("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])),
    *[init(n, np.array([v])) for n, v in {"from": -1, "to": -(2**31), "axis": 3, "step": -1}.items()],
]
seen = picture[:, ::-1] + mean[:, None, None]
note = "order=2:1:0,scale=1:1:1,offset=-103.939:-116.779:-123.68"
save("keras.onnx", model(nodes, ts, (None, 8, 8, 3)), network(), picture.transpose(0, 2, 3, 1), seen, note)

# PyTorch's normalization inside the model, of pictures in bytes.
m_, s_ = np.array([0.485, 0.456, 0.406], "f").reshape(1, 3, 1, 1), np.array([0.229, 0.224, 0.225], "f").reshape(1, 3, 1, 1)
nodes = [
    node("Cast", ["x"], "float", to=TensorProto.FLOAT),
    node("Div", ["float", "255"], "unit"),
    node("Sub", ["unit", "mean"], "centered"),
    node("Div", ["centered", "std"], "normal"),
]
ts = inits + [init("255", np.float32(255)), init("mean", m_), init("std", s_)]
seen = (picture / 255 - m_) / s_
scale, offset = (1 / (255 * s_.astype("f8"))).ravel(), (-m_.astype("f8") / s_).ravel()
note = "order=0:1:2,scale=%s,offset=%s" % tuple(":".join(str(np.float32(v)) for v in t) for t in (scale, offset))
save("normalize.onnx", model(nodes + body("normal") + top, ts, dtype=TensorProto.UINT8), network(), picture.astype("u1"), seen, note)

# The same by a Gather and a BatchNormalization.
g = [numbers(3), numbers(3), numbers(3), abs(numbers(3)) + 0.5]
nodes = [node("Gather", ["x", "bgr"], "swapped", axis=1), node("BatchNormalization", ["swapped", "g", "h", "m", "v"], "normal", epsilon=1e-5)]
ts = inits + [init("bgr", np.array([2, 1, 0]))] + [init(n, t) for n, t in zip("ghmv", g)]
k = g[0].astype("f8") / np.sqrt(g[3].astype("f8") + float(np.float32(1e-5)))
offset = g[1] - g[2] * k
seen = picture[:, ::-1] * k[:, None, None] + offset[:, None, None]
note = "order=2:1:0,scale=%s,offset=%s" % tuple(":".join(str(np.float32(v)) for v in t) for t in (k, offset))
save("bgr.onnx", model(nodes + body("normal") + top, ts), network(), seen=seen, note=note)


# What is no sequence of VGG's layers.
def refuse(name, m, why):
    (HERE / "refused" / name).write_bytes(m.SerializeToString())
    refused[name] = why


def changed(op, at, **attributes):
    nodes = body() + top
    old = [n for n in nodes if n.op_type == op][at]
    given = {a.name: helper.get_attribute_value(a) for a in old.attribute}
    nodes[nodes.index(old)] = helper.make_node(op, list(old.input), list(old.output), name=old.name, **(given | attributes))
    return model(nodes, inits)


refuse("strides.onnx", changed("Conv", 0, strides=[2, 2]), "has strides, groups")
refuse("valid.onnx", changed("Conv", 1, pads=[0, 0, 0, 0]), "pads by [0 0 0 0]")
refuse("pool3.onnx", changed("MaxPool", 0, kernel_shape=[3, 3]), "follows MaxPool")
refuse("alpha.onnx", changed("Gemm", 0, alpha=0.5), "alpha = 0.5")
swish = body()
swish[1] = node("Sigmoid", ["c0"], "r0")
refuse("sigmoid.onnx", model(swish + top, inits), "follows Sigmoid")
linear = [n for n in body() if n.op_type != "Relu"]
for n in linear:
    n.input[0] = {"r0": "c0", "r1": "c1"}.get(n.input[0], n.input[0])
refuse("linear.onnx", model(linear + top, inits), "without a rectifier")
residual = body()[:5] + [node("Add", ["r1", "r1b"], "sum"), node("MaxPool", ["sum"], "p1", **pool)]
residual.insert(4, node("Conv", ["p0", "onnx::Conv_7"], "c1b", **conv))
residual.insert(6, node("Relu", ["c1b"], "r1b"))
refuse("residual.onnx", model(residual + top, inits), "another branch")
refuse("width.onnx", model([node("Sub", ["x", "m"], "s")] + body("s") + top, inits + [init("m", np.ones(8, "f"))]), "not one number or one for each channel")
refuse("computed.onnx", model([node("Exp", ["w.0"], "w.e")] + [node("Conv", ["x", "w.e"], "c9", **conv)], inits), "fold the constants")
refuse("self.onnx", model([node("Sub", ["x", "mean"], "s")] + body("s") + top + [node("ReduceMean", ["x"], "mean")], inits), "which nothing before it outputs")
two = model(body() + top + [node("Identity", ["z"], "zz")], inits)
two.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))
refuse("inputs.onnx", two, "2 inputs")
other = model(body() + [node("Einsum", ["p1", "d.0"], "y", equation="nchw,oh->no")], inits)
refuse("einsum.onnx", other, "has weights")
for name, place in {"outside.onnx": "../golden.json", "missing.onnx": "nowhere.bin"}.items():
    away = onnx.load(HERE / "external.onnx", load_external_data=False)
    for t in away.graph.initializer:
        t.external_data[0].value = place
    refuse(name, away, "must lie beside the model")

(HERE / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
(HERE / "notes.json").write_text(json.dumps(notes, indent=1) + "\n")
(HERE / "refused.json").write_text(json.dumps(refused, indent=1) + "\n")
