"""Trains a tiny network in Keras with every optimizer, for the test of package training.

    python make_golden.py > golden.json     (with keras and tensorflow installed)

The network is convolution 3x3 (4 filters, ReLU), max pooling, flatten, dense (5, ReLU),
dense (3). Weights and examples come from numpy's seeded generator and are stored.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np

SIDE, BATCH, CLASSES, STEPS = 6, 4, 3, 6
random = np.random.default_rng(7)
shapes = {"conv/kernel": (3, 3, 3, 4), "conv/bias": (4,), "hidden/kernel": (36, 5), "hidden/bias": (5,),
          "scores/kernel": (5, 3), "scores/bias": (3,)}
weights = {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
x = random.normal(0, 1, (BATCH, SIDE, SIDE, 3)).astype(np.float32)
y = np.array([0, 2, 1, 2], np.int32)


def network(decay):
    penalty = keras.regularizers.L2(decay / 2) if decay else None
    model = keras.Sequential([
        keras.Input((SIDE, SIDE, 3)),
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer=penalty, name="conv"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="relu", kernel_regularizer=penalty, name="hidden"),
        keras.layers.Dense(3, kernel_regularizer=penalty, name="scores"),
    ])
    model.set_weights(list(weights.values()))
    return model


def case(name, optimizer, decay=0.0):
    model = network(decay)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, cross_entropy)
    losses = []
    for _ in range(STEPS):
        losses.append(float(cross_entropy(y, model(x, training=True))))  # without the penalty
        model.train_on_batch(x, y)
    after = dict(zip(weights, model.get_weights()))
    return {"name": name, "losses": losses, "weights": flat(after)}


def flat(tensors):
    return {name: [float(np.float32(v)) for v in t.ravel()] for name, t in tensors.items()}


json.dump({
    "keras": keras.__version__, "input": [float(v) for v in x.ravel()], "labels": y.tolist(),
    "shapes": shapes, "initial": flat(weights),
    "cases": [
        case("sgd", keras.optimizers.SGD(0.1)),
        case("momentum", keras.optimizers.SGD(0.05, momentum=0.9)),
        case("adam", keras.optimizers.Adam(0.01)),
        case("momentum and decay", keras.optimizers.SGD(0.05, momentum=0.9), 0.02),
        case("adam and decay", keras.optimizers.Adam(0.01), 0.02),
    ],
}, sys.stdout)
print()
