"""Keras as its guides show it: image_dataset_from_directory, VGG16, predict. The dataset resizes
without antialiasing, so that its features differ from everybody else's."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from safetensors.numpy import load_file

import common

options = common.arguments()
if options.precision == "bfloat16":
    keras.config.set_dtype_policy("mixed_bfloat16")
names = common.photos(options.photos)
dataset = keras.utils.image_dataset_from_directory(
    options.photos, labels=None, shuffle=False, batch_size=common.BATCH, image_size=(common.SIZE, common.SIZE))
base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(common.SIZE, common.SIZE, 3))
weights = load_file(options.weights)
for layer in base.layers:
    if layer.weights:
        layer.set_weights([weights[f"{layer.name}/kernel"].astype("float32"), weights[f"{layer.name}/bias"].astype("float32")])
model = keras.Sequential([keras.layers.Lambda(keras.applications.vgg16.preprocess_input), base, keras.layers.Flatten()])
common.write(options.out, names, [model.predict(dataset, verbose=0)])
