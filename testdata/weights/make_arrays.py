"""Makes small files of pickled arrays, of MatConvNet and of Caffe.

    pip install numpy==2.4.6 scipy==1.17.1 protobuf==7.36.2; python make_arrays.py

The tensors are those of make_files.py: kernel (3, 3, 2, 4) and bias 1, 2, 3, 4, and a dense
layer of 3 units on 7x7x2 inputs. golden.json has every file's tensors as NumPy has them.

  machrisaa.npy    {layer: [kernel, bias]}, an object in a .npy, as numpy.save writes it
  python2.npy      the same as Python 2 pickled it (bytes as strings), by hand
  nested.npy       {layer: {"weights": ..., "biases": ...}}, in Fortran's order and big-endian
  protocolN.pdparams  what paddle.save of a state dict gives: {name: array}
  *.params         MXNet's lists of arrays of all versions
  simplenn.mat     MatConvNet's cells of structs, compressed, with meta
  old.mat          filters and biases, an averageImage of one color, not compressed
  dagnn.mat        MatConvNet's DagNN
  sparse.mat       a kernel of 3x3x32x64 that is zero but for three elements
  v1.caffemodel    NetParameter.layers with legacy shapes
  v2.caffemodel    NetParameter.layer with shapes
"""

import io
import json
import pathlib
import pickle
import struct

import numpy as np
import scipy.io
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HERE = pathlib.Path(__file__).parent
OUT = HERE / "published"
OUT.mkdir(exist_ok=True)
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4)
bias = np.arange(1, 5, dtype="<f4")
fc6 = ((np.arange(7 * 7 * 2 * 3) - 100) / 4).astype("<f4").reshape(7, 7, 2, 3)
fc6_bias = np.zeros(3, "<f4")
golden = {}


def expect(file, **tensors):
    golden[file] = {
        name.replace("__", "/"): {"shape": list(t.shape), "values": [float(v) for v in np.asarray(t, "<f4").ravel()]}
        for name, t in tensors.items()
    }


layers = {"conv1_1": [kernel, bias], "fc6": [fc6.reshape(98, 3), fc6_bias]}
np.save(OUT / "machrisaa.npy", layers, allow_pickle=True)
want = dict(conv1_1__weights=kernel, conv1_1__biases=bias, fc6__weights=fc6.reshape(98, 3), fc6__biases=fc6_bias)
expect("machrisaa.npy", **want)


# Python 2 pickled an array's bytes, and every string, as BINSTRING (T) or SHORT_BINSTRING (U).
def text(s):
    s = s.encode() if isinstance(s, str) else s
    return b"U" + bytes([len(s)]) + s if len(s) < 256 else b"T" + struct.pack("<i", len(s)) + s


def number(n):
    return b"K" + bytes([n]) if 0 <= n < 256 else b"J" + struct.pack("<i", n)


def dtype(code):
    order = b"|" if code == "O8" else b"<"
    minus = b"J\xff\xff\xff\xff" * 2
    flags = number(63 if code == "O8" else 0)
    return b"cnumpy\ndtype\n(" + text(code) + b"K\x00K\x01tR(K\x03" + text(order) + b"NNN" + minus + flags + b"tb"


def array(shape, code, data):
    make = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text("b") + b"tR"
    return make + b"(K\x01(" + b"".join(map(number, shape)) + b"t" + dtype(code) + b"I00\n" + data + b"tb"


program = b"(d"
for name, arrays in layers.items():
    program += text(name) + b"(l" + b"".join(array(a.shape, "f4", text(a.tobytes())) + b"a" for a in arrays) + b"s"
header = b"{'descr': '|O8', 'fortran_order': False, 'shape': (), }"
header += b" " * (-(len(header) + 11) % 16) + b"\n"
pickled = b"\x80\x02" + array((), "O8", b"(l" + program + b"a") + b"."
raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickled
(OUT / "python2.npy").write_bytes(raw)
back = np.load(OUT / "python2.npy", allow_pickle=True, encoding="latin1").item()
assert all(np.array_equal(back[k][i], layers[k][i]) for k in layers for i in (0, 1))
expect("python2.npy", **want)

nested = {
    "conv1_1": {"weights": np.asfortranarray(kernel), "biases": bias.astype(">f4")},
    "fc6": {"weights": fc6.astype("<f8"), "biases": fc6_bias.astype("<f2")},
    "step": 7,
    "labels": np.arange(3),
}
np.save(OUT / "nested.npy", nested, allow_pickle=True)
expect("nested.npy", **dict(want, fc6__weights=fc6))

state = {"features.0.weight": kernel.transpose(3, 2, 0, 1).copy(), "features.0.bias": bias, "StructuredToParameterName@@": {"features.0.weight": "conv2d_0.w_0"}}
for protocol in (2, 4, 5):
    (OUT / f"protocol{protocol}.pdparams").write_bytes(pickle.dumps(state, protocol=protocol))
    expect(f"protocol{protocol}.pdparams", **{"features.0.weight": state["features.0.weight"], "features.0.bias": bias})


# MatConvNet.
def cell(*values):
    c = np.empty((1, len(values)), object)
    for i, v in enumerate(values):
        c[0, i] = v
    return c


mean = np.array([123.68, 116.779, 103.939], "<f4").reshape(1, 1, 3)
simple = [
    {"name": "conv1_1", "type": "conv", "weights": cell(kernel, bias.reshape(1, 4)), "pad": 1.0, "stride": 1.0},
    {"name": "relu1_1", "type": "relu"},
    {"name": "fc6", "type": "conv", "weights": cell(fc6, fc6_bias.reshape(1, 3))},
]
scipy.io.savemat(OUT / "simplenn.mat", {"layers": cell(*simple), "meta": {"normalization": {"averageImage": mean, "imageSize": [224, 224, 3]}}}, do_compression=True)
want = dict(conv1_1__weights=kernel, conv1_1__biases=bias, fc6__weights=fc6, fc6__biases=fc6_bias)
expect("simplenn.mat", **want)
old = [
    {"name": "conv1_1", "type": "conv", "filters": kernel.astype("<f8"), "biases": bias.astype("<u1").reshape(1, 4)},
    {"name": "fc6", "type": "conv", "filters": fc6[:, :, :, :1], "biases": fc6_bias[:1].reshape(1, 1)},
]
scipy.io.savemat(OUT / "old.mat", {"layers": cell(*old), "normalization": {"averageImage": np.broadcast_to(mean, (4, 5, 3)).copy()}}, do_compression=False)
expect("old.mat", conv1_1__weights=kernel, conv1_1__biases=bias, fc6__weights=fc6[:, :, :, :1], fc6__biases=fc6_bias[:1])
# Weights that compress so well that their room is not given before they have come.
sparse = np.zeros((3, 3, 32, 64), "<f4")
sparse[0, 0, 0, 0], sparse[2, 1, 31, 5], sparse[2, 2, 31, 63] = 1, 2, 3
scipy.io.savemat(OUT / "sparse.mat", {"layers": cell({"name": "conv", "type": "conv", "weights": cell(sparse)})}, do_compression=True)


def structs(*values):
    a = np.empty((1, len(values)), [(k, object) for k in values[0]])
    for i, v in enumerate(values):
        a[0, i] = tuple(v.values())
    return a


dag = {
    "layers": structs(
        {"name": "conv1_1", "type": "dagnn.Conv", "params": cell("conv1_1f", "conv1_1b")},
        {"name": "relu1_1", "type": "dagnn.ReLU", "params": cell()},
        {"name": "fc6", "type": "dagnn.Conv", "params": cell("fc6f", "fc6b")},
    ),
    "params": structs(
        {"name": "fc6f", "value": fc6},
        {"name": "fc6b", "value": fc6_bias.reshape(3, 1)},
        {"name": "conv1_1f", "value": kernel},
        {"name": "conv1_1b", "value": bias.reshape(4, 1)},
    ),
    "meta": {"normalization": {"averageImage": np.arange(2 * 2 * 3, dtype="<f8").reshape(2, 2, 3)}},
}
scipy.io.savemat(OUT / "dagnn.mat", {"net": dag}, do_compression=True)
expect("dagnn.mat", **want)


# Caffe, by a schema of the fields that matter, numbered as in its caffe.proto.
schema = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
T = descriptor_pb2.FieldDescriptorProto


def message(name, *fields):
    m = schema.message_type.add(name=name)
    for field, number_, kind, repeated, packed in fields:
        f = m.field.add(name=field, number=number_, label=T.LABEL_REPEATED if repeated else T.LABEL_OPTIONAL)
        if isinstance(kind, str):
            f.type, f.type_name = T.TYPE_MESSAGE, ".caffe." + kind
        else:
            f.type = kind
        if packed is not None:
            f.options.packed = packed


message("BlobShape", ("dim", 1, T.TYPE_INT64, True, True))
message(
    "BlobProto",
    *[(n, i + 1, T.TYPE_INT32, False, None) for i, n in enumerate(("num", "channels", "height", "width"))],
    ("data", 5, T.TYPE_FLOAT, True, True),
    ("diff", 6, T.TYPE_FLOAT, True, True),
    ("shape", 7, "BlobShape", False, None),
    ("double_data", 8, T.TYPE_DOUBLE, True, True),
)
message("ConvolutionParameter", ("num_output", 1, T.TYPE_UINT32, False, None), ("group", 5, T.TYPE_UINT32, False, None))
message("InnerProductParameter", ("num_output", 1, T.TYPE_UINT32, False, None), ("transpose", 6, T.TYPE_BOOL, False, None))
message(
    "LayerParameter",
    ("name", 1, T.TYPE_STRING, False, None),
    ("type", 2, T.TYPE_STRING, False, None),
    ("bottom", 3, T.TYPE_STRING, True, None),
    ("top", 4, T.TYPE_STRING, True, None),
    ("blobs", 7, "BlobProto", True, None),
    ("convolution_param", 106, "ConvolutionParameter", False, None),
    ("inner_product_param", 117, "InnerProductParameter", False, None),
)
message(
    "V1LayerParameter",
    ("bottom", 2, T.TYPE_STRING, True, None),
    ("top", 3, T.TYPE_STRING, True, None),
    ("name", 4, T.TYPE_STRING, False, None),
    ("type", 5, T.TYPE_INT32, False, None),
    ("blobs", 6, "BlobProto", True, None),
    ("convolution_param", 10, "ConvolutionParameter", False, None),
    ("inner_product_param", 17, "InnerProductParameter", False, None),
)
message(
    "NetParameter",
    ("name", 1, T.TYPE_STRING, False, None),
    ("layers", 2, "V1LayerParameter", True, None),
    ("input", 3, T.TYPE_STRING, True, None),
    ("layer", 100, "LayerParameter", True, None),
)
pool = descriptor_pool.DescriptorPool()
pool.Add(schema)
Net = message_factory.GetMessageClass(pool.FindMessageTypeByName("caffe.NetParameter"))
oihw, dense = kernel.transpose(3, 2, 0, 1), fc6.transpose(3, 2, 0, 1).reshape(3, 98)


def legacy(blob, a):
    blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - a.ndim) + a.shape
    blob.data.extend(a.ravel())


def shaped(blob, a, double=False):
    blob.shape.dim.extend(a.shape)
    (blob.double_data if double else blob.data).extend(a.ravel())


net = Net(name="VGG_ILSVRC_16_layers")
data = net.layers.add(name="data", type=5, top=["data", "label"])
conv = net.layers.add(name="conv1_1", type=4, bottom=["data"], top=["conv1_1"])
conv.convolution_param.num_output = 4
legacy(conv.blobs.add(), oihw), legacy(conv.blobs.add(), bias)
net.layers.add(name="relu1_1", type=18, bottom=["conv1_1"], top=["conv1_1"])
ip = net.layers.add(name="fc6", type=14, bottom=["conv1_1"], top=["fc6"])
legacy(ip.blobs.add(), dense), legacy(ip.blobs.add(), fc6_bias)
(OUT / "v1.caffemodel").write_bytes(net.SerializeToString())
want = dict(conv1_1__weights=oihw, conv1_1__biases=bias, fc6__weights=dense, fc6__biases=fc6_bias)
expect("v1.caffemodel", **want)

net = Net(name="VGG")
conv = net.layer.add(name="conv1_1", type="Convolution", bottom=["data"], top=["conv1_1"])
conv.convolution_param.num_output = 4
shaped(conv.blobs.add(), oihw), shaped(conv.blobs.add(), bias, double=True)
conv.blobs[0].diff.extend([0.0] * 3)
ip = net.layer.add(name="fc6", type="InnerProduct", bottom=["conv1_1"], top=["fc6"])
shaped(ip.blobs.add(), dense), shaped(ip.blobs.add(), fc6_bias)
ip = net.layer.add(name="fc7", type="InnerProduct", bottom=["fc6"], top=["fc7"])
ip.inner_product_param.transpose = True
shaped(ip.blobs.add(), dense.T)
net.layer.add(name="scale", type="Scale").blobs.add().CopyFrom(conv.blobs[1])
(OUT / "v2.caffemodel").write_bytes(net.SerializeToString())
expect("v2.caffemodel", **dict(want, fc7__weights=dense, scale__blobs__0=bias))

# MXNet's list of arrays (its own writer: make_mxnet.py): versions 1, 2 and 3 of an array, and
# the one before versions.
def mx(a, version):
    code = {"float32": 0, "float64": 1, "float16": 2, "int64": 6}[a.dtype.name]
    wide = struct.pack("<I", a.ndim) + struct.pack(f"<{a.ndim}q", *a.shape)
    head = {
        0: struct.pack("<I", a.ndim) + struct.pack(f"<{a.ndim}I", *a.shape),
        1: struct.pack("<I", 0xF993FAC8) + wide,
        2: struct.pack("<Ii", 0xF993FAC9, 0) + wide,
        3: struct.pack("<Ii", 0xF993FACA, 0) + wide,
    }[version]
    return head + struct.pack("<iii", 1, 0, code) + a.tobytes()


named = {"arg:conv1_1_weight": oihw.copy(), "arg:conv1_1_bias": bias, "arg:fc6_weight": dense.astype("<f2"), "aux:fc6_bias": fc6_bias.astype("<f8"), "arg:step": np.arange(3)}
for file, versions in {"v2.params": (2, 2, 2, 2, 2), "mixed.params": (0, 1, 3, 0, 2)}.items():
    out = struct.pack("<QQQ", 0x112, 0, len(named))
    out += b"".join(mx(a, v) for a, v in zip(named.values(), versions))
    out += struct.pack("<Q", len(named)) + b"".join(struct.pack("<Q", len(n)) + n.encode() for n in named)
    (OUT / file).write_bytes(out)
    expect(file, conv1_1_weight=oihw, conv1_1_bias=bias, fc6_weight=dense.astype("<f2"), fc6_bias=fc6_bias)

(OUT / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
