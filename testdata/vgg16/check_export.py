"""Loads an exported VGG16 in Python's TensorFlow and compares pool5 with the golden values. Its variables must be those of
what is loaded, so that converters (tf2onnx, TFLite) find the weights.

    python check_export.py SAVEDMODEL
"""

import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

here = pathlib.Path(__file__).parent
model = tf.saved_model.load(sys.argv[1])
pixels = np.asarray(Image.open(here / "cat.1.png"), np.float32)[None, :, :, ::-1]
batch = tf.constant(pixels - np.array([103.939, 116.779, 123.68], np.float32))
got = model.signatures["pool5"](input=batch)["pool5"].numpy().ravel().astype(float)
want = np.fromfile(here / "cat.1.pool5.f32", "<f4").astype(float)
cosine = got @ want / np.sqrt((got @ got) * (want @ want))
if cosine < 0.9999 or "serving_default" not in model.signatures:
    sys.exit(f"cosine {cosine}, signatures {list(model.signatures)}")

names = [v.name for v in model.variables]
if len(names) != 26 or names[:2] != ["block1_conv1/kernel:0", "block1_conv1/bias:0"]:
    sys.exit(f"the variables are {names}")
frozen = convert_variables_to_constants_v2(model.signatures["pool5"])
if np.abs(frozen(batch)[0].numpy().ravel() - got).max() > 1e-3:
    sys.exit("frozen, the model computes something else")
lite = tf.lite.Interpreter(model_content=tf.lite.TFLiteConverter.from_saved_model(sys.argv[1], signature_keys=["block1_conv1"]).convert())
lite.allocate_tensors()
lite.set_tensor(lite.get_input_details()[0]["index"], batch.numpy())
lite.invoke()
there = model.signatures["block1_conv1"](input=batch)["block1_conv1"].numpy()
if np.abs(lite.get_tensor(lite.get_output_details()[0]["index"]) - there).max() > 1e-3:
    sys.exit("in TFLite, the model computes something else")
