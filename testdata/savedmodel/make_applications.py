"""Exports small relatives of Keras's applications, with random weights, with the features of
Keras's own pipeline.

    python make_applications.py DIR

The tests of savedmodel read what it made where FOVEA_APPLICATIONS names DIR. For each it writes a SavedModel to DIR, whose last layer is called features, and its features
to golden.json, of the picture (5y + 3x + 11c + yx) mod 256 of 64x64 pixels, after the
application's preprocess_input. Made with tensorflow-cpu 2.18.1 and keras 3.15.1.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras
import numpy as np
# The classes behind the published sizes are not exported.
from keras.src.applications import convnext, densenet, efficientnet, efficientnet_v2, mobilenet, mobilenet_v2, mobilenet_v3, resnet as resnet_v1, resnet_v2

SIDE = 64
SHAPE = (SIDE, SIDE, 3)


def resnet(module, preact, stack):
    def blocks(x):
        return stack(x, 8, 2, name="conv2")

    return module.ResNet(blocks, preact, True, name="small", include_top=False, weights=None, input_shape=SHAPE)


def sequential(*front):
    return keras.Sequential([keras.Input(SHAPE, name="image"), *front, keras.layers.Conv2D(8, 3, activation="relu")])


def adapted():
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3)).astype("float32"))
    return sequential(layer)


def caffe_inside(x):
    return x[..., ::-1] - np.array([103.939, 116.779, 123.68], "float32")


common = {"include_top": False, "weights": None, "input_shape": SHAPE}
KINDS = {
    "convnext": (lambda: convnext.ConvNeXt([1, 1, 1, 1], [8, 8, 8, 8], name="small", **common), convnext),
    "efficientnet": (lambda: efficientnet.EfficientNet(0.25, 0.25, 64, name="small", weights_name="", **common), efficientnet),
    "efficientnetv2": (lambda: efficientnet_v2.EfficientNetV2(0.25, 0.25, 64, name="efficientnetv2-b0", **common), efficientnet_v2),
    "mobilenetv3": (lambda: mobilenet_v3.MobileNetV3Small(alpha=0.35, minimalistic=True, **common), mobilenet_v3),
    "lambda": (lambda: sequential(keras.layers.Lambda(caffe_inside)), None),
    "adapted": (adapted, None),
    "mobilenet": (lambda: mobilenet.MobileNet(alpha=0.25, **common), mobilenet),
    "mobilenetv2": (lambda: mobilenet_v2.MobileNetV2(alpha=0.35, **common), mobilenet_v2),
    "resnet": (lambda: resnet(resnet_v1, False, resnet_v1.stack_residual_blocks_v1), resnet_v1),
    "resnetv2": (lambda: resnet(resnet_v1, True, resnet_v1.stack_residual_blocks_v2), resnet_v2),
    "densenet": (lambda: densenet.DenseNet([1, 1, 1, 1], **common), densenet),
}


def main(directory):
    y, x, c = np.meshgrid(np.arange(SIDE), np.arange(SIDE), np.arange(3), indexing="ij")
    picture = ((5 * y + 3 * x + 11 * c + y * x) % 256).astype("float32")[None]
    golden = {}
    for name, (build, module) in KINDS.items():
        keras.utils.set_random_seed(3)
        base = build()
        model = keras.Model(base.inputs, keras.layers.GlobalAveragePooling2D(name="features")(base.outputs[0]))
        model.export(str(pathlib.Path(directory) / name), verbose=False)
        given = picture if module is None else module.preprocess_input(picture.copy())
        golden[name] = {"features": np.asarray(model(given, training=False)).ravel().astype(float).tolist()}
    (pathlib.Path(directory) / "golden.json").write_text(json.dumps(golden))


main(sys.argv[1])
