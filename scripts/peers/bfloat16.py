"""VGG16's convolutional base as AVX512_BF16 and AMX compute it, on any CPU: kernels and pictures
of every convolution, and what comes out of it, are rounded to bfloat16, products are summed in
float32. scripts/bench-bfloat16.sh measures by it what the rounding costs. Runs in Keras's
environment of bench-peers.sh:

    python scripts/peers/bfloat16.py WEIGHTS.safetensors SAVEDMODEL
"""

import sys

import tensorflow as tf
from safetensors.numpy import load_file


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


model = VGG16({name: value.astype("float32") for name, value in load_file(sys.argv[1]).items()})
tf.saved_model.save(model, sys.argv[2], signatures={"serving_default": model.__call__})
