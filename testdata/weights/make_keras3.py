"""Saves the tensors of make_files.py by Keras 3, in its two formats, after a step of training.

    python make_keras3.py

Writes model.keras (a ZIP archive with config.json and model.weights.h5) and
model.weights.h5. What the optimizer remembers is in them too; its learning rate is 0, so the
weights are those of make_files.py. Made with tensorflow-cpu 2.18.1, keras 3.15.1, Python 3.11.
"""

import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras
import numpy as np

HERE = pathlib.Path(__file__).parent
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4)
model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(4, 3, name="block1_conv1")])
model.set_weights([kernel, np.arange(1, 5, dtype="<f4")])
model.compile(keras.optimizers.Adam(0.0), "mse")
model.fit(np.ones((2, 4, 4, 2)), np.ones((2, 2, 2, 4)), verbose=0)
model.save(HERE / "model.keras")
model.save_weights(HERE / "model.weights.h5")
