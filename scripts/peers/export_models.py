"""Writes Keras's ResNet50, EfficientNetB0 and ConvNeXtTiny, with random weights, as SavedModels:
export_models.py DIRECTORY [NAME...]"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

MODELS = {
    "ResNet50": keras.applications.ResNet50,
    "EfficientNetB0": keras.applications.EfficientNetB0,
    "ConvNeXtTiny": keras.applications.ConvNeXtTiny,
}


def randomize(model):
    """Gives normalizations numbers such as training leaves: as they are made, they do nothing."""
    import numpy as np

    random = np.random.default_rng(1)
    near = {"gamma": (0.7, 1.3), "moving_variance": (0.5, 1.5), "beta": (-0.2, 0.2), "moving_mean": (-0.2, 0.2), "bias": (-0.1, 0.1)}
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in near:
                weight.assign(random.uniform(*near[weight.name], weight.shape))


directory, names = sys.argv[1], sys.argv[2:] or list(MODELS)
for name in names:
    keras.utils.set_random_seed(1)
    model = MODELS[name](weights=None, input_shape=(224, 224, 3))
    randomize(model)
    model.export(os.path.join(directory, name), format="tf_saved_model", verbose=False)
