"""Writes VGG16's convolutional base as ONNX: float32 in, (n, 3, 224, 224); pool5 out, flat in
NHWC order as the product stores it: (n, 25088).

    make_onnx.py WEIGHTS.safetensors OUT.onnx
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

weights = load_file(sys.argv[1])
nodes, tensors, last = [], [], "pixels"
names = sorted({name.split("/")[0] for name in weights})
for i, name in enumerate(names):
    kernel = np.ascontiguousarray(weights[f"{name}/kernel"].astype(np.float32).transpose(3, 2, 0, 1))
    tensors.append(numpy_helper.from_array(kernel, f"{name}/kernel"))
    tensors.append(numpy_helper.from_array(weights[f"{name}/bias"].astype(np.float32), f"{name}/bias"))
    nodes.append(helper.make_node("Conv", [last, f"{name}/kernel", f"{name}/bias"], [name + "_linear"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Relu", [name + "_linear"], [name]))
    last = name
    block = name.split("_")[0]
    if i + 1 == len(names) or names[i + 1].split("_")[0] != block:
        nodes.append(helper.make_node("MaxPool", [last], [block + "_pool"], kernel_shape=[2, 2], strides=[2, 2]))
        last = block + "_pool"
nodes.append(helper.make_node("Transpose", [last], ["nhwc"], perm=[0, 2, 3, 1]))
nodes.append(helper.make_node("Flatten", ["nhwc"], ["pool5"]))
graph = helper.make_graph(
    nodes, "vgg16",
    [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 224, 224])],
    [helper.make_tensor_value_info("pool5", TensorProto.FLOAT, ["n", 25088])],
    tensors)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[2])
