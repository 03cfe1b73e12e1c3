"""Makes small SavedModels of every kind that is met in the wild, with golden outputs.

    python make_models.py [--all] [--large DIR]

Beside this file it writes one directory per kind, all of the same little network with the
same weights, except where said otherwise:

    keras-export      Keras 3, model.export
    keras-save        Keras 3, tf.saved_model.save, whose restore function fills variables
                      that the signature does not read
    keras-nested      a model inside a model, exported
    tf1-resource      TensorFlow 1 graph, resource variables
    tf1-reference     TensorFlow 1 graph, reference variables
    two-inputs        a model with two inputs, which must be refused
    keras2-save       Keras 2 (tf_keras), model.save of a SavedModel
    bytes             a function that takes uint8 and scales it to -1..1 inside, exported
                      under two signatures, features and scores, and no default
    tf1-bytes         the same of TensorFlow 1, without a function

and golden.json: for the input x[n,y,x,c] = ((7n + 5y + 3x + 11c) mod 17 - 8) / 8 the values
of every layer, as nested lists flattened in C order, and under "bytes" those of predictions
for the input (31n + 5y + 3x + 11c) mod 256 of bytes. With --large it writes MobileNetV2 and
ResNet50 with random weights to DIR, each with a golden.json of its own.

Made with tensorflow-cpu 2.18.1, keras 3.15.1, tf_keras 2.18.0, numpy 2.0, Python 3.11. The
models of an earlier run stay as they are unless --all is given.
"""

import json
import os
import pathlib
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import keras
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
SIDE = 16


def golden_input(n, side):
    i, y, x, c = np.meshgrid(np.arange(n), np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return (((7 * i + 5 * y + 3 * x + 11 * c) % 17 - 8) / 8).astype(np.float32)


def golden_bytes(n, side):
    i, y, x, c = np.meshgrid(np.arange(n), np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return ((31 * i + 5 * y + 3 * x + 11 * c) % 256).astype(np.uint8)


def fresh(name):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    return str(path)


def small():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3), name="image"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1"),
            layers.MaxPooling2D(name="block1_pool"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv1"),
            layers.MaxPooling2D(name="block2_pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, activation="relu", name="fc1"),
            layers.Dense(7, activation="relu", name="fc2"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ],
        name="small",
    )


def golden(model, x):
    taps = keras.Model(model.inputs, [l.output for l in model.layers])
    outputs = taps.predict(x, verbose=0)
    return {l.name: np.asarray(o).ravel().astype(float).tolist() for l, o in zip(model.layers, outputs)}


def tf1(weights, directory, resource, dtype=tf.float32):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(dtype, [None, SIDE, SIDE, 3], name="image")
        y = x if dtype == tf.float32 else tf.cast(x, tf.float32) / 127.5 - 1
        for name, kernel, bias in weights:
            with v1.variable_scope("small/" + name, use_resource=resource):
                w = v1.get_variable("weights", initializer=kernel)
                b = v1.get_variable("biases", initializer=bias)
                if kernel.ndim == 4:
                    y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(y, w, 1, "SAME"), b), name="Relu")
                    y = tf.nn.max_pool2d(y, 2, 2, "VALID", name="MaxPool")
                else:
                    y = tf.reshape(y, [-1, kernel.shape[0]])
                    y = tf.nn.bias_add(tf.matmul(y, w), b)
                    y = tf.nn.softmax(y, name="Softmax") if name == "fc8" else tf.nn.relu(y, name="Relu")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, directory, {"image": x}, {"probabilities": y})


def keras2(arrays, directory):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.InputLayer((SIDE, SIDE, 3), name="image"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv1"),
            layers.MaxPooling2D(name="block1_pool"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="block2_conv1"),
            layers.MaxPooling2D(name="block2_pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, activation="relu", name="fc1"),
            layers.Dense(7, activation="relu", name="fc2"),
            layers.Dense(5, activation="softmax", name="predictions"),
        ]
    )
    model.set_weights(arrays)
    model.save(directory, save_format="tf")


class Bytes(tf.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8, name="image")])
    def scores(self, image):
        return {"scores": self.model(tf.cast(image, tf.float32) / 127.5 - 1)}

    @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8, name="image")])
    def features(self, image):
        x = tf.cast(image, tf.float32) / 127.5 - 1
        for layer in self.model.layers[:-1]:
            x = layer(x)
        return {"features": x}


def large(directory):
    for build, side in ((keras.applications.MobileNetV2, 96), (keras.applications.ResNet50, 64)):
        keras.utils.set_random_seed(3)
        model = build(weights=None, input_shape=(side, side, 3))
        name = build.__name__.lower()
        path = pathlib.Path(directory) / name
        shutil.rmtree(path, ignore_errors=True)
        model.export(str(path), verbose=False)
        x = golden_input(2, side)
        inner = {"mobilenetv2": "block_6_expand_relu", "resnet50": "conv3_block4_out"}[name]
        tap = keras.Model(model.inputs, [model.get_layer(inner).output, model.output])
        values, output = tap.predict(x, verbose=0)
        (path / "golden.json").write_text(
            json.dumps({"side": side, "layer": inner, "values": values.ravel().astype(float).tolist(), "output": output.ravel().astype(float).tolist()})
        )


def main():
    keras.utils.set_random_seed(7)
    model = small()
    for w in model.weights:
        if w.name == "bias":
            w.assign(np.random.default_rng(5).normal(size=w.shape) * 0.1)
    x = golden_input(2, SIDE)
    values = golden(model, x)
    values["bytes"] = golden(model, golden_bytes(2, SIDE) / np.float32(127.5) - 1)["predictions"]
    (HERE / "golden.json").write_text(json.dumps(values))

    image = keras.Input((SIDE, SIDE, 3), name="image")
    nested = keras.Model(image, model(keras.layers.Identity(name="entry")(image)), name="outer")
    a, b = keras.Input((SIDE, SIDE, 3), name="left"), keras.Input((SIDE, SIDE, 3), name="right")
    two = keras.Model([a, b], keras.layers.Add(name="sum")([a, b]))
    names = ["conv1", "conv2", "fc6", "fc7", "fc8"]
    arrays = [np.asarray(w) for w in model.weights]
    weights = [(n, arrays[2 * i], arrays[2 * i + 1]) for i, n in enumerate(names)]
    module = Bytes(model)
    kinds = {
        "keras-export": lambda path: model.export(path, verbose=False),
        "keras-save": lambda path: tf.saved_model.save(model, path),
        "keras-nested": lambda path: nested.export(path, verbose=False),
        "tf1-resource": lambda path: tf1(weights, path, True),
        "tf1-reference": lambda path: tf1(weights, path, False),
        "two-inputs": lambda path: two.export(path, verbose=False),
        "keras2-save": lambda path: keras2(arrays, path),
        "bytes": lambda path: tf.saved_model.save(
            module, path, {"scores": module.scores, "features": module.features}
        ),
        "tf1-bytes": lambda path: tf1(weights, path, True, tf.uint8),
    }
    for name, make in kinds.items():
        if "--all" in sys.argv or not (HERE / name).exists():
            make(fresh(name))

    if "--large" in sys.argv:
        large(sys.argv[sys.argv.index("--large") + 1])


main()
