"""VGG16's convolutional base as AVX512_BF16 and AMX compute it, on any CPU: kernels and pictures
of every convolution, and what comes out of it, are rounded to bfloat16, products are summed in
float32. scripts/bench-bfloat16.sh measures by it what the rounding costs. Runs in the tests'
TensorFlow environment:

    python scripts/peers/bfloat16.py WEIGHTS.safetensors SAVEDMODEL
"""

import json
import struct
import sys

import numpy as np
import tensorflow as tf


def read(file):
    """The tensors of a safetensors file, as float32."""
    with open(file, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    types = {"F32": np.float32, "F16": np.float16}
    return {
        name: np.frombuffer(data[entry["data_offsets"][0] : entry["data_offsets"][1]], types[entry["dtype"]])
        .reshape(entry["shape"])
        .astype(np.float32)
        for name, entry in header.items()
        if name != "__metadata__"
    }


def rounded(x):
    return tf.cast(tf.cast(x, tf.bfloat16), tf.float32)


class VGG16(tf.Module):
    def __init__(self, weights):
        super().__init__()
        self.layers = sorted({name.split("/")[0] for name in weights})
        self.parameters = {name: tf.Variable(rounded(value), name=name.replace("/", "_")) for name, value in weights.items()}

    @tf.function(input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.float32, name="pictures")])
    def __call__(self, x):
        for i, layer in enumerate(self.layers):
            x = tf.nn.conv2d(rounded(x), self.parameters[f"{layer}/kernel"], 1, "SAME")
            x = rounded(tf.nn.relu(tf.nn.bias_add(x, self.parameters[f"{layer}/bias"])))
            block = layer.split("_")[0]
            if not "".join(self.layers[i + 1 : i + 2]).startswith(block):
                x = tf.nn.max_pool2d(x, 2, 2, "VALID", name=f"{block}_pool")
        return {"pool5": x}


model = VGG16(read(sys.argv[1]))
tf.saved_model.save(model, sys.argv[2], signatures={"serving_default": model.__call__})
