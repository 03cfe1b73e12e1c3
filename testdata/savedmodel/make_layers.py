"""Makes SavedModels whose layers are hard to find, with golden outputs of each layer.

    python make_layers.py

Beside this file it writes, all by Keras 3's model.export, and without what only Python needs:

    keras-scopes      subclassed layers, one of which ends in a sublayer, normalizations,
                      additions, upsampling; outputs named in a dictionary
    keras-tokens      a little transformer with a class token, attention, layers in half
                      precision, and two outputs
    keras-numbers     layers that Keras named and numbered by itself, one used twice, one dilated
    keras-random      augmentation before a network: flips, turns, zoom, shifts, contrast,
                      brightness; predict leaves it out, the exported signature does not
    keras-half        flips and contrast in mixed precision
    keras-crop        an augmentation that is no identity in inference (RandomCrop)
    keras-late        layers that are random in inference by the author's will (Dropout with
                      training=True), after others that are not
    keras-noise       a layer of one's own that doubles its input and adds noise

and golden_layers.json: by model and layer the values that Keras's own predict gives, in C order,
for the input x[n,y,x,c] = ((7n + 5y + 3x + 11c) mod 17 - 8) / 8 of two pictures.

Made with tensorflow-cpu 2.18.1, keras 3.15.1, numpy 2.0.2, Python 3.11.
"""

import json
import os
import pathlib
import shutil

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

HERE = pathlib.Path(__file__).parent
SIDE = 8
L = keras.layers


class Residual(L.Layer):
    def __init__(self, filters, **more):
        super().__init__(**more)
        self.first = L.Conv2D(filters, 3, padding="same", activation="relu", name="first")
        self.second = L.Conv2D(filters, 3, padding="same", name="second")

    def call(self, x):
        return x + 0.5 * self.second(self.first(x))


class Excitation(L.Layer):
    """Squeeze and excitation: the last sublayer gives the weights of the channels."""

    def __init__(self, filters, **more):
        super().__init__(**more)
        self.squeeze = L.Dense(2, activation="relu", name="squeeze")
        self.excite = L.Dense(filters, activation="sigmoid", name="excite")

    def call(self, x):
        return x * self.excite(self.squeeze(keras.ops.mean(x, axis=(1, 2), keepdims=True)))


class Block(L.Layer):
    """Ends in a sublayer, whose output is the block's."""

    def __init__(self, filters, **more):
        super().__init__(**more)
        self.conv = L.Conv2D(filters, 3, padding="same", name="conv")
        self.norm = L.BatchNormalization(name="norm")

    def call(self, x):
        return self.norm(self.conv(x))


class Two(L.Layer):
    """Gives two tensors of different shapes."""

    def call(self, x):
        return keras.ops.max(x, axis=(1, 2)), x * 2.0


class ClassToken(L.Layer):
    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="normal", name="token")

    def call(self, x):
        return keras.ops.concatenate([keras.ops.repeat(self.token, keras.ops.shape(x)[0], axis=0), x], axis=1)


class Noise(L.Layer):
    def __init__(self, **more):
        super().__init__(**more)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x):
        return 2.0 * x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


def scopes():
    i = keras.Input((SIDE, SIDE, 3), name="image")
    x = L.Conv2D(4, 3, padding="same", name="stem")(i)
    x = L.BatchNormalization(name="bn")(x)
    x = L.Activation("relu", name="act")(x)
    y = Residual(4, name="res")(x)
    x = L.Add(name="add")([x, y])
    x = L.LayerNormalization(name="ln")(x)
    x = Excitation(4, name="se")(x)
    x = Block(4, name="block")(x)
    pooled, x = Two(name="two")(x)
    x = L.MaxPooling2D(2, name="pool")(x)
    up = L.UpSampling2D(2, name="up")(x)
    up = L.ReLU(name="relu2")(L.Concatenate(name="cat")([up, up]))
    g = L.GlobalAveragePooling2D(name="gap")(up)
    return keras.Model(i, {"scores": L.Dense(3, name="dense")(g), "map": up, "highest": pooled}, name="scopes")


def tokens():
    i = keras.Input((SIDE, SIDE, 3), name="image")
    x = L.Conv2D(6, 2, strides=2, name="patches")(i)
    x = L.Reshape((16, 6), name="tokens")(x)
    x = ClassToken(name="classtoken")(x)
    y = L.LayerNormalization(name="ln1")(x)
    y = L.MultiHeadAttention(2, 3, name="mha")(y, y)
    x = L.Add(name="add1")([x, y])
    x = L.LayerNormalization(name="ln2")(x)
    half = L.Dense(6, activation="gelu", dtype="mixed_float16", name="half")(x)
    scores = L.Dense(3, name="scores")(L.GlobalAveragePooling1D(name="gap")(L.Dropout(0.5, name="drop")(x)))
    return keras.Model(i, [scores, half], name="tokens_model")


def numbers():
    keras.backend.clear_session()
    i = keras.Input((SIDE, SIDE, 3))
    x = i
    for _ in range(3):
        x = L.Conv2D(3, 3, padding="same", activation="tanh")(x)
    x = L.Conv2D(3, 3, padding="same", dilation_rate=2, activation="relu", name="dilated")(x)
    shared = L.Conv2D(3, 3, padding="same", name="shared")
    x = shared(shared(x))
    x = L.GlobalAveragePooling2D()(x)
    x = L.Dense(4)(x)
    return keras.Model(i, L.Dense(3)(x))


def augmented(*augmentation, name, dtype="float32"):
    i = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *augmentation], name="augment")(i)
    x = L.Conv2D(4, 3, activation="relu", dtype=dtype, name="conv")(x)
    x = L.GlobalAveragePooling2D(dtype=dtype, name="gap")(L.Dropout(0.5, name="drop", dtype=dtype)(x))
    return keras.Model(i, L.Dense(3, name="scores", dtype="float32")(x), name=name)


def usual(dtype="float32"):
    value_range = (-1, 1)
    return [
        L.RandomFlip(name="flip", dtype=dtype),
        L.RandomRotation((0.1, 0.2), name="turn", dtype=dtype),
        L.RandomZoom((-0.3, -0.1), name="zoom", dtype=dtype),
        L.RandomTranslation(0.2, (0.1, 0.2), name="shift", dtype=dtype),
        L.Rescaling(2.0, offset=0.25, name="rescale", dtype=dtype),
        L.RandomContrast(0.4, value_range=value_range, name="contrast", dtype=dtype),
        L.RandomBrightness(0.2, value_range=value_range, name="brightness", dtype=dtype),
    ]


def late():
    i = keras.Input((SIDE, SIDE, 3), name="image")
    x = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(4, 3, activation="relu", name="conv")(i))
    return keras.Model(i, L.Dense(3, name="scores")(L.Dropout(0.5, name="drop")(x, training=True)), name="late")


def randomize(model):
    for k, w in enumerate(model.weights):
        if w.name in ("bias", "gamma", "beta", "moving_mean", "moving_variance"):
            values = np.random.default_rng(k).normal(size=w.shape) * 0.2
            w.assign(values + 1 if w.name in ("gamma", "moving_variance") else values)


def golden(model, x, without=()):
    layers = [l for l in model.layers[1:] if l.name not in without and len(l._inbound_nodes) == 1]
    names, outputs = [], []
    for l in layers:
        output = l.output
        for k, one in enumerate(output if isinstance(output, (tuple, list)) else [output]):
            names.append(l.name if k == 0 else f"{l.name}:{k}")
            outputs.append(one)
    values = keras.Model(model.inputs, outputs).predict(x, verbose=0)
    return {n: [float(f"{v:.6g}") for v in np.asarray(o, np.float64).ravel().tolist()] for n, o in zip(names, values)}


def export(model, name):
    directory = HERE / name
    shutil.rmtree(directory, ignore_errors=True)
    model.export(str(directory), verbose=False)
    shutil.rmtree(directory / "assets", ignore_errors=True)
    file = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    graph = saved.meta_graphs[0].graph_def
    savers = [node for node in graph.node if "f" in node.attr and "traced_save" in node.attr["f"].func.name]
    for node in savers:
        graph.node.remove(node)
    functions, needed = {f.signature.name: f for f in graph.library.function}, set()
    pending = [graph.node]
    while pending:
        for node in pending.pop():
            called = {node.op, *(a.func.name for a in node.attr.values())} & functions.keys() - needed
            needed |= called
            pending += [functions[name].node_def for name in called]
    del graph.library.function[:]
    graph.library.function.extend(functions[name] for name in sorted(needed))
    saved.meta_graphs[0].ClearField("object_graph_def")
    for nodes in [graph.node, *(f.node_def for f in graph.library.function)]:
        for node in nodes:
            node.ClearField("experimental_debug_info")
            node.attr.pop("_output_shapes", None)
    file.write_bytes(saved.SerializeToString(deterministic=True))


def main():
    x = np.array([(7 * n + 5 * y + 3 * x + 11 * c) % 17 - 8 for n in range(2) for y in range(SIDE) for x in range(SIDE) for c in range(3)], "float32")
    x = x.reshape(2, SIDE, SIDE, 3) / 8
    values = {}
    for name, build in {
        "keras-scopes": scopes,
        "keras-tokens": tokens,
        "keras-numbers": numbers,
        "keras-random": lambda: augmented(*usual(), name="random"),
        "keras-half": lambda: augmented(*usual("mixed_float16")[::5], name="half", dtype="mixed_float16"),
        "keras-crop": lambda: augmented(L.RandomCrop(6, 6, name="crop"), name="cropped"),
        "keras-late": late,
        "keras-noise": lambda: augmented(Noise(name="noise"), name="noisy"),
    }.items():
        keras.utils.set_random_seed(7)
        model = build()
        randomize(model)
        if name not in ("keras-crop", "keras-noise"):
            values[name] = golden(model, x, {"drop", "scores"} if name == "keras-late" else ())
        export(model, name)
    (HERE / "golden_layers.json").write_text(json.dumps(values))


main()
