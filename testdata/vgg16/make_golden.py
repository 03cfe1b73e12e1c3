"""Makes the golden features of VGG16's convolutional base with Keras.

    python make_golden.py WEIGHTS PICTURE...

WEIGHTS is the float32 safetensors file of the ImageNet base (SHA-256
69d7935b2083e2284e8bbd61981eabd6c0bd4cd027b424f0fcd5b453a6c6a04e); the PICTUREs are those
of ../photos. For each one it writes, beside this file,

    NAME.png         224x224 RGB pixels, what both sides are fed with
    NAME.pool5.f32   block5_pool, 7x7x512, little-endian float32, NHWC order
    golden.json      the spatial average of every block's output, 64 to 512 values each

Made with tensorflow-cpu 2.18.1, keras 3.15.1, pillow 13.0, Python 3.11.
"""

import json
import os
import pathlib
import struct
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras
import numpy as np
from PIL import Image


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[begin:end], "<f4").reshape(entry["shape"])
    return tensors


def main():
    here = pathlib.Path(__file__).parent
    tensors = read_safetensors(sys.argv[1])
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([tensors[f"{layer.name}/kernel"], tensors[f"{layer.name}/bias"]])
    blocks = [f"block{i}_pool" for i in range(1, 6)]
    taps = keras.Model(model.input, [model.get_layer(name).output for name in blocks])
    golden = {}
    for picture in sys.argv[2:]:
        name = pathlib.Path(picture).stem
        image = Image.open(picture).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
        image.save(here / f"{name}.png", optimize=True)
        pixels = np.asarray(image, np.float32)[None]
        outputs = taps.predict(keras.applications.vgg16.preprocess_input(pixels.copy()), verbose=0)
        outputs[-1].astype("<f4").tofile(here / f"{name}.pool5.f32")
        golden[name] = {b: o[0].mean(axis=(0, 1)).tolist() for b, o in zip(blocks, outputs)}
    (here / "golden.json").write_text(json.dumps(golden))


main()
