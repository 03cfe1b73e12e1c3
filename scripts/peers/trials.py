"""Ways to compute VGG16's convolutions that the product does not take; docs/benchmarks.md has
the results. Runs in Keras's environment of bench-peers.sh, with oneDNN on for int8:

    TF_ENABLE_ONEDNN_OPTS=1 python scripts/peers/trials.py --photos DIR --weights WEIGHTS.safetensors

prints processor seconds for 4 photos, the least of three calls, in three rounds, and the cosine
of int8's features with float32's. `go test ./convolution -bench VGG16` measures the product's way.
"""

import argparse
import resource

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

from common import photos, pixels

parser = argparse.ArgumentParser()
parser.add_argument("--photos", required=True, help="a flat directory of JPEG photos")
parser.add_argument("--weights", required=True, help="safetensors")
options = parser.parse_args()

weights = {name: value.astype(np.float32) for name, value in load_file(options.weights).items()}
names = sorted({name.split("/")[0] for name in weights})
# max-pooling follows the last convolution of a block
pooled = {a for a, b in zip(names, names[1:] + ["end"]) if a.split("_")[0] != b.split("_")[0]}


def convolve(x, name):
    x = tf.nn.conv2d(x, weights[f"{name}/kernel"], 1, "SAME")
    return tf.nn.relu(tf.nn.bias_add(x, weights[f"{name}/bias"]))


def float32(x, largest=None):
    """pool5; notes the largest value of every convolution where that is wanted."""
    for name in names:
        x = convolve(x, name)
        if largest is not None:
            largest[name] = max(largest.get(name, 0.0), float(tf.reduce_max(x)))
        if name in pooled:
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    return x


def int8(largest):
    """The network in int8 but for its first convolution: a scale for each output channel of the
    kernels, activations from 0 to their largest value."""
    kernels, limits = {}, {}
    for name in names[1:]:
        kernel = weights[f"{name}/kernel"]
        limits[name] = np.abs(kernel).max(axis=(0, 1, 2))
        kernels[name] = np.round(kernel / limits[name] * 127).astype(np.int8)

    def run(x):
        first, zero = names[0], tf.constant(0.0)
        high = tf.constant(largest[first])
        x = tf.raw_ops.QuantizeV2(input=convolve(x, first), min_range=zero, max_range=high, T=tf.quint8, mode="MIN_FIRST").output
        for name in names[1:]:
            to = tf.constant(largest[name])
            x = tf.raw_ops.QuantizedConv2DWithBiasAndReluAndRequantize(
                input=x, filter=tf.bitcast(tf.constant(kernels[name]), tf.qint8), bias=weights[f"{name}/bias"],
                min_input=zero, max_input=high, min_filter=-limits[name], max_filter=limits[name],
                min_freezed_output=zero, max_freezed_output=to, out_type=tf.quint8, strides=[1, 1, 1, 1], padding="SAME").output
            high = to
            if name in pooled:
                x = tf.raw_ops.QuantizedMaxPool(
                    input=x, min_input=zero, max_input=high, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID").output
        return tf.raw_ops.Dequantize(input=x, min_range=zero, max_range=high, mode="MIN_FIRST")

    return run


def processor(function, x):
    """The least processor time of three calls, after one that compiles."""
    function(x).numpy()
    least = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF)
        function(x).numpy()
        after = resource.getrusage(resource.RUSAGE_SELF)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


paths = photos(options.photos)
largest = {}
for at in range(0, 8, 4):  # photos to calibrate by; others are to test on
    float32(np.stack([pixels(path) for path in paths[at : at + 4]]), largest)
x = tf.constant(np.stack([pixels(path) for path in paths[-4:]]))
ways = {"float32": tf.function(float32), "XLA": tf.function(float32, jit_compile=True), "int8": tf.function(int8(largest))}
want, got = (ways[name](x).numpy().reshape(4, -1) for name in ("float32", "int8"))
cosines = (want * got).sum(1) / np.linalg.norm(want, axis=1) / np.linalg.norm(got, axis=1)
print(f"int8: cosine {cosines.min():.4f} to {cosines.max():.4f}")
for _ in range(3):
    print(", ".join(f"{name} {processor(way, x):.2f}" for name, way in ways.items()), flush=True)
