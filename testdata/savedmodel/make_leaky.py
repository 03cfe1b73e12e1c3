"""Makes keras-leaky: a convolution with a bias and a LeakyReLU, whose layers TensorFlow loses when it fuses them.

    python make_leaky.py

Made with tensorflow-cpu 2.18.1, keras 3.15.1, Python 3.11.
"""

import os
import pathlib
import shutil

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras

keras.utils.set_random_seed(1)
inputs = keras.Input((8, 8, 3), name="pixels")
x = keras.layers.Conv2D(4, 3, padding="same", bias_initializer="random_normal", name="conv")(inputs)
x = keras.layers.LeakyReLU(negative_slope=0.25, name="leaky")(x)
model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x))
out = pathlib.Path(__file__).parent / "keras-leaky"
shutil.rmtree(out, ignore_errors=True)
model.export(str(out), verbose=False)
(out / "fingerprint.pb").unlink(missing_ok=True)
