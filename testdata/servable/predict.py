"""Predicts pictures by a SavedModel that finetune export has written, in Python's TensorFlow.

    python predict.py SAVEDMODEL PICTURE... > predictions.json

Prints {"probabilities": [[...], ...], "classes": [...], "labels": [...]}. All variables must
be variables, not constants, also of what is loaded, and the signature be the one that TensorFlow
Serving looks for.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# oneDNN, which TensorFlow uses where a CPU has AVX-512, gives convolutions of an empty batch a wrong shape.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
signature = model.signatures["serving_default"]
variables = [name for name, _ in tf.train.list_variables(sys.argv[1] + "/variables/variables")]
assert {"head/mean", "head/scale", "head/scores/weights", "head/scores/biases"} <= set(variables), variables
assert sorted(v.name for v in model.variables) == sorted(v + ":0" for v in variables), model.variables
assert (pathlib.Path(sys.argv[1]) / "saved_model.pb").stat().st_size < 1 << 20
inputs = signature.structured_input_signature[1]
assert list(inputs) == ["image_bytes"] and inputs["image_bytes"].dtype == tf.string, inputs
pictures = [pathlib.Path(name).read_bytes() for name in sys.argv[2:]]
result = {name: value.numpy() for name, value in signature(image_bytes=tf.constant(pictures)).items()}
assert sorted(result) == ["classes", "label", "probabilities"], result
single = signature(image_bytes=tf.constant(pictures[:1]))["probabilities"].numpy()
assert abs(single - result["probabilities"][:1]).max() < 1e-5, single
assert signature(image_bytes=tf.constant([], tf.string))["probabilities"].shape == (0, result["classes"].shape[1])
print(json.dumps({
    "probabilities": result["probabilities"].tolist(),
    "classes": [c.decode() for c in result["classes"][-1]],
    "labels": [c.decode() for c in result["label"]],
}))
