"""Writes small Keras models whose first layers normalize, in each format that Keras saves,
and keras.json: what those layers make of some pixels, computed by Keras itself.

Run in the environment `scripts/python.sh path tensorflow` (Keras 3.15.1).
"""

import json
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
from keras import layers

here = os.path.dirname(os.path.abspath(__file__))
keras.utils.set_random_seed(16)
pixels = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255], [12, 120, 210], [77, 3, 190]], np.float32)
photos = np.random.default_rng(3).integers(0, 256, (4, 8, 8, 3)).astype(np.float32)


def adapted():
    layer = layers.Normalization(name="normal")
    layer.adapt(photos)
    return layer


def conv():
    return layers.Conv2D(2, 3, name="block1_conv1")


def functional(*first):
    x = inputs = keras.Input((8, 8, 3))
    for layer in first:
        x = layer(x)
    return keras.Model(inputs, conv()(x))


models = {
    "rescaling": lambda: keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1.0 / 255), conv()]),
    "rescaling-offset": lambda: functional(layers.RandomFlip(), layers.Rescaling(1 / 127.5, offset=-1), layers.Dropout(0.1)),
    "rescaling-list": lambda: functional(layers.Rescaling(scale=[1 / 58.395, 1 / 57.12, 1 / 57.375], offset=[-2.1179, -2.0357, -1.8044])),
    "normalization": lambda: functional(layers.Normalization(mean=[10.0, 20.0, 30.0], variance=[4.0, 9.0, 16.0])),
    "adapted": lambda: functional(adapted()),
    "both": lambda: functional(layers.Rescaling(1 / 255), layers.Normalization(mean=0.5, variance=0.25)),
    "nested": lambda: keras.Sequential([keras.Input((8, 8, 3)), keras.Sequential([layers.RandomRotation(0.1), layers.Rescaling(1 / 255)], name="augment"), adapted(), keras.Sequential([conv()], name="base")]),
    "none": lambda: functional(layers.RandomContrast(0.2)),
    "lambda": lambda: functional(layers.Lambda(lambda x: x / 255)),
}


def first_layers(model, x):
    """What arrives at the first convolution in inference."""
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        if isinstance(layer, layers.Conv2D):
            return x, True
        if isinstance(layer, keras.Model):
            x, done = first_layers(layer, x)
            if done:
                return x, True
            continue
        x = layer(x, training=False) if isinstance(layer, layers.Dropout) or layer.__class__.__name__.startswith("Random") else layer(x)
    return x, False


golden = {"pixels": pixels.astype(int).reshape(-1).tolist(), "models": {}}
for name, make in models.items():
    model = make()
    x, _ = first_layers(model, np.broadcast_to(pixels.reshape(-1, 1, 1, 3), (len(pixels), 8, 8, 3)).copy())
    golden["models"][name] = np.asarray(x)[:, 0, 0, :].reshape(-1).astype(float).tolist()
    for extension in ["h5", "keras"]:
        model.save(os.path.join(here, f"{name}.{extension}"))
with open(os.path.join(here, "keras.json"), "w") as f:
    json.dump(golden, f)
    f.write("\n")
