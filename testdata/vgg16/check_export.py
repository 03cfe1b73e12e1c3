"""Loads an exported VGG16 in Python's TensorFlow and compares pool5 with the golden values.

    python check_export.py SAVEDMODEL
"""

import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from PIL import Image

here = pathlib.Path(__file__).parent
model = tf.saved_model.load(sys.argv[1])
pixels = np.asarray(Image.open(here / "cat.1.png"), np.float32)[None, :, :, ::-1]
batch = tf.constant(pixels - np.array([103.939, 116.779, 123.68], np.float32))
got = model.signatures["pool5"](input=batch)["pool5"].numpy().ravel().astype(float)
want = np.fromfile(here / "cat.1.pool5.f32", "<f4").astype(float)
cosine = got @ want / np.sqrt((got @ got) * (want @ want))
if cosine < 0.9999 or "serving_default" not in model.signatures:
    sys.exit(f"cosine {cosine}, signatures {list(model.signatures)}")
