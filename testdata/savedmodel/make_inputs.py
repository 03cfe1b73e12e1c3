"""Makes small SavedModels whose inputs are not simply [batch, height, width, 3], with golden
outputs.

    python make_inputs.py [--all]

Beside this file it writes to inputs/ one directory per kind:

    open              Keras, any height and width, two convolutions and an average
    open-tf1          the same of TensorFlow 1, without functions
    unknown           the same, with an input of no known shape at all, channels first
    channels-first    NCHW with height and width open; all operations are NCHW, too
    inner-first       NHWC outside, NCHW inside, of 16x16 pixels
    grey, rgba        Keras, 16x16 pixels of 1 and 4 channels
    flattened         height and width open in the signature, but a dense layer at the end
    one-declared      declared for a batch of 1, good for any
    one-inside        an open batch, but a Reshape to one picture inside, as onnx2tf leaves it
    mean-of-batch     subtracts the mean of the pictures of a batch: one alone becomes zeros
    rescaling         Keras, 16x16 pixels, divided by 127.5 and less 1 inside
    normalization     the same, standardized by variables, in BGR order
    hub               a module of TensorFlow 1's Hub format, whose graphs have the tags {} and
                      {train}; made with tensorflow_hub 0.12.0

and golden.json: for each kind a list of {height, width, layers: {name: values}}, computed for
the input ((7n + 5y + 3x + 11c) mod 17 - 8) / 8 of two pictures, n = 0, 1, with as many
channels as the model has, c; values are NHWC.

Made with tensorflow-cpu 2.18.1, keras 3.15.1, tensorflow_hub 0.12.0, Python 3.11. The models
of an earlier run stay as they are unless --all is given; golden values are computed from the
models' weights, which are seeded.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import sys
import types

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"  # for tensorflow_hub
import keras
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent / "inputs"
SIDE = 16
random = np.random.default_rng(11)
KERNELS = {c: random.normal(size=(3, 3, c, 4)).astype(np.float32) * 0.3 for c in (1, 3, 4)}
BIAS1, BIAS2 = random.normal(size=4).astype(np.float32) * 0.1, random.normal(size=6).astype(np.float32) * 0.1
KERNEL2 = random.normal(size=(3, 3, 4, 6)).astype(np.float32) * 0.3
DENSE = random.normal(size=(4 * 4 * 6, 5)).astype(np.float32) * 0.1


def pictures(height, width, channels=3):
    i, y, x, c = np.meshgrid(np.arange(2), np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return (((7 * i + 5 * y + 3 * x + 11 * c) % 17 - 8) / 8).astype(np.float32)


def reference(x):
    """Every layer, in float64."""
    x = tf.cast(x, tf.float64)
    conv1 = tf.nn.relu(tf.nn.conv2d(x, KERNELS[x.shape[-1]].astype(float), 1, "SAME") + BIAS1)
    pool1 = tf.nn.max_pool2d(conv1, 2, 2, "VALID")
    conv2 = tf.nn.relu(tf.nn.conv2d(pool1, KERNEL2.astype(float), 1, "SAME") + BIAS2)
    return {"conv1": conv1, "pool1": pool1, "conv2": conv2, "average": tf.reduce_mean(conv2, (1, 2))}


def golden(sizes, channels=3, names=("conv2", "average"), change=lambda x: x):
    all = []
    for height, width in sizes:
        values = reference(change(pictures(height, width, channels)))
        all.append({"height": height, "width": width, "layers": {n: [float(f"{v:.7g}") for v in np.ravel(values[n])] for n in names}})
    return all


def network(height, width, channels):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((height, width, channels), name="image"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2"),
            layers.GlobalAveragePooling2D(name="average"),
        ],
        name="small",
    )
    model.set_weights([KERNELS[channels], BIAS1, KERNEL2, BIAS2])
    return model


def tf1(directory, shape, data_format):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, shape, name="image")
        y = network1(x, data_format)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, directory, {"image": x}, {"features": y})


def network1(x, data_format="NHWC"):
    v1, axes = tf.compat.v1, (1, 2) if data_format == "NHWC" else (2, 3)
    stride = [1, 2, 2, 1] if data_format == "NHWC" else [1, 1, 2, 2]
    for name, kernel, bias in (("conv1", KERNELS[3], BIAS1), ("conv2", KERNEL2, BIAS2)):
        with v1.variable_scope(name):
            w, b = v1.get_variable("weights", initializer=kernel), v1.get_variable("biases", initializer=bias)
            x = tf.nn.conv2d(x, w, 1, "SAME", data_format=data_format)
            x = tf.nn.relu(tf.nn.bias_add(x, b, data_format=data_format), name="Relu")
        if name == "conv1":
            x = v1.nn.max_pool(x, stride, stride, "VALID", data_format=data_format, name="pool1/MaxPool")
    return tf.reduce_mean(x, axes, name="average/Mean")


class Module(tf.Module):
    """A function of pictures, with names of layers as Keras gives them."""

    def __init__(self, body, shape):
        super().__init__()
        self.kernels = [tf.Variable(KERNELS[3]), tf.Variable(KERNEL2)]
        self.dense = tf.Variable(DENSE)
        self.call = tf.function(lambda x: {"features": body(self, x)}, input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])

    def network(self, x, data_format="NHWC"):
        for i, bias in enumerate((BIAS1, BIAS2)):
            with tf.name_scope(f"conv{i + 1}"):
                x = tf.nn.conv2d(x, self.kernels[i], 1, "SAME", data_format=data_format)
                x = tf.nn.relu(tf.nn.bias_add(x, bias, data_format=data_format), name="Relu")
            if i == 0:
                with tf.name_scope("pool1"):
                    x = tf.nn.max_pool2d(x, 2, 2, "VALID", data_format=data_format, name="MaxPool")
        with tf.name_scope("average"):
            return tf.reduce_mean(x, (1, 2) if data_format == "NHWC" else (2, 3), name="Mean")


def save(body, shape):
    def make(directory):
        module = Module(body, shape)
        tf.saved_model.save(module, directory, {"serving_default": module.call})

    return make


def inner_first(m, x):
    return m.network(tf.transpose(x, (0, 3, 1, 2)), "NCHW")


def flattened(m, x):
    x = tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool1/MaxPool")
    x = tf.nn.max_pool2d(tf.nn.conv2d(tf.nn.conv2d(x, m.kernels[0], 1, "SAME"), m.kernels[1], 1, "SAME"), 2, 2, "VALID")
    return tf.matmul(tf.reshape(x, (-1, DENSE.shape[0])), m.dense, name="scores/MatMul")


def one_inside(m, x):
    x = m.network(x)
    return tf.reshape(x, (1, 6), name="flat/Reshape")


def mean_of_batch(m, x):
    return m.network(x - tf.reduce_mean(x, 0))


MEAN, VARIANCE = [103.939, 116.779, 123.68], [57.0**2, 58.0**2, 59.0**2]


def normalizing(*front):
    """The layers of network behind others, as one model."""
    inner = network(None, None, 3)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = image
    for layer in (*front, *inner.layers):
        x = layer(x)
    return keras.Model(image, x, name="small")


def normalization():
    layer = keras.layers.Normalization(name="normalization")
    layer.build((None, SIDE, SIDE, 3))
    layer.set_weights([np.float32(MEAN), np.float32(VARIANCE), np.int64(0)][: len(layer.weights)])
    layer.finalize_state()
    return normalizing(keras.layers.Lambda(lambda x: x[..., ::-1]), keras.layers.Permute((1, 2, 3)), layer)


def hub(directory):
    # Of this version, the last that makes such modules, not all can be imported any more.
    package = types.ModuleType("tensorflow_hub")
    package.__path__ = importlib.util.find_spec("tensorflow_hub").submodule_search_locations
    sys.modules["tensorflow_hub"] = package
    from tensorflow_hub.module import Module
    from tensorflow_hub.native_module import add_signature, create_module_spec

    def build(is_training):
        x = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="image")
        # As batch normalization does, the graph for training computes something else.
        add_signature("image_feature_vector", {"images": x}, {"default": network1(2 * x if is_training else x)})
        add_signature("default", {"images": x}, {"default": x})

    spec = create_module_spec(build, [(set(), {"is_training": False}), ({"train"}, {"is_training": True})])
    with tf.Graph().as_default():
        module = Module(spec)
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            module.export(directory, session)


def main():
    nhwc, nchw = [None, None, None, 3], [None, 3, None, None]
    fixed = [None, SIDE, SIDE, 3]
    sizes, square = [(16, 16), (24, 20)], [(SIDE, SIDE)]
    kinds = {
        "open": (lambda d: network(None, None, 3).export(d, verbose=False), golden(sizes)),
        "open-tf1": (lambda d: tf1(d, nhwc, "NHWC"), golden(sizes)),
        "unknown": (lambda d: tf1(d, None, "NCHW"), golden(sizes)),
        "channels-first": (save(lambda m, x: m.network(x, "NCHW"), nchw), golden(sizes)),
        "inner-first": (save(inner_first, fixed), golden(square, names=("conv1", "pool1", "average"))),
        "grey": (lambda d: network(SIDE, SIDE, 1).export(d, verbose=False), golden(square, 1)),
        "rgba": (lambda d: network(SIDE, SIDE, 4).export(d, verbose=False), golden(square, 4)),
        "flattened": (save(flattened, nhwc), []),
        "one-declared": (save(lambda m, x: m.network(x), [1, SIDE, SIDE, 3]), golden(square)),
        "one-inside": (save(one_inside, fixed), golden(square)),
        "mean-of-batch": (save(mean_of_batch, fixed), golden(square, change=np.zeros_like)),
        "rescaling": (
            lambda d: normalizing(keras.layers.Rescaling(1 / 127.5, -1)).export(d, verbose=False),
            golden(square, change=lambda x: np.float32(x / 127.5 - 1)),
        ),
        "normalization": (
            lambda d: normalization().export(d, verbose=False),
            golden(square, change=lambda x: np.float32((x[..., ::-1] - MEAN) / np.sqrt(VARIANCE))),
        ),
        "hub": (hub, golden(sizes)),
    }
    HERE.mkdir(exist_ok=True)
    for name, (make, _) in kinds.items():
        if "--all" in sys.argv or not (HERE / name).exists():
            shutil.rmtree(HERE / name, ignore_errors=True)
            make(str(HERE / name))
    (HERE / "golden.json").write_text(json.dumps({name: values for name, (_, values) in kinds.items()}))


main()
