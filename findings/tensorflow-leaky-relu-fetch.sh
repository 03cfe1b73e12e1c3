#!/usr/bin/env bash
# tensorflow-cpu 2.21.0 (and 2.18.1): Session.run loses a tensor that it was asked for, if a LeakyRelu
# follows the bias of a convolution.
#
# One would guess: whatever tensors of a graph are fetched together, they are computed, since the optimizer
# of graphs keeps what is fetched. For Relu, Elu, Tanh and Relu6 it does.
# What happens: with a LeakyRelu that a further operation reads, the remapper fuses Conv2D, BiasAdd and
# LeakyRelu and deletes the BiasAdd although it is fetched: "Tensor BiasAdd:0, specified in either feed_devices
# or fetch_devices was not found in the Graph". With remapping off, all is well.
# Who is hurt: extractors of intermediate layers, of detectors and GANs for example, in TensorFlow 1's
# sessions, C, Go and Java: they cannot ask for the sums before the activation.
# Remedy: rewrite_options.remapping = OFF in the session's ConfigProto, at some cost of speed.
# Seen on 2026-11-29.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
cd "$work"
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def fetch(activation, remapping=True):
    """What comes of asking for the sums, the activations and their means at once."""
    with tf.Graph().as_default():
        pixels = v1.placeholder(tf.float32, (None, 8, 8, 3))
        kernel = tf.constant(np.linspace(-1, 1, 108, dtype=np.float32).reshape(3, 3, 3, 4))
        sums = tf.nn.bias_add(tf.nn.conv2d(pixels, kernel, 1, "SAME"), tf.constant(np.ones(4, np.float32)))
        activations = activation(sums)
        means = tf.reduce_mean(activations, (1, 2))
        config = v1.ConfigProto()
        if not remapping:
            config.graph_options.rewrite_options.remapping = 2  # OFF
        with v1.Session(config=config) as session:
            try:
                values = session.run([sums, activations, means], {pixels: np.ones((2, 8, 8, 3), np.float32)})
            except tf.errors.InvalidArgumentError as error:
                return "lost" if "was not found in the Graph" in str(error) else str(error)
        return [v.shape for v in values]


leaky = lambda t: tf.nn.leaky_relu(t, 0.25)
whole = [(2, 8, 8, 4), (2, 8, 8, 4), (2, 4)]
seen = {
    "ReLU": fetch(tf.nn.relu),
    "ELU": fetch(tf.nn.elu),
    "tanh": fetch(tf.nn.tanh),
    "LeakyReLU": fetch(leaky),
    "LeakyReLU, remapping off": fetch(leaky, remapping=False),
}
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen == {
    "ReLU": whole, "ELU": whole, "tanh": whole, "LeakyReLU": "lost", "LeakyReLU, remapping off": whole,
}, "it changed"
PYTHON
