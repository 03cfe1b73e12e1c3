"""Predicts pictures by a SavedModel that finetune export has written, in Python's TensorFlow, each in a batch with all others.

    python predict_all.py SAVEDMODEL PICTURE... > probabilities.json

Prints the probabilities: [[...], ...].
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
pictures = [pathlib.Path(name).read_bytes() for name in sys.argv[2:]]
print(json.dumps(signature(image_bytes=tf.constant(pictures))["probabilities"].numpy().tolist()))
