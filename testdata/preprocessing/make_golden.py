"""Writes golden.json: what published code makes of pixels. Run in the environment
`scripts/python.sh path tensorflow` (Keras 3.15.1, NumPy 2.0.2, Pillow 13.0.0).

caffe, torch and tf are computed by Keras's own preprocess_input. The others follow the
arithmetic of the code that they are named after, in float64, rounded to float32 once:
torchvision's ToTensor and Normalize, TF-slim's mean subtraction, keras_vggface's utils
(version=1). luma is the SHA-256 of Pillow's convert("L") of all 2**24 colours, in the order
of r*65536 + g*256 + b.
"""

import hashlib
import json
import os

import numpy as np
from keras.applications.imagenet_utils import preprocess_input
from PIL import Image

rng = np.random.default_rng(16)
pixels = np.concatenate([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]], rng.integers(0, 256, (28, 3))]).astype(np.uint8)
x = pixels.astype(np.float64)


def keras(mode):
    return preprocess_input(x.reshape(1, -1, 1, 3).copy(), data_format="channels_last", mode=mode).reshape(-1, 3)


values = {
    "caffe": keras("caffe"),
    "torch": keras("torch"),
    "tf": keras("tf"),
    "none": x,
    "zero_one": x / 255,
    "rgb_means": x - np.array([123.68, 116.779, 103.939]),
    "torch_features": (x / 255 - np.array([0.48235, 0.45882, 0.40784])) / np.array([1 / 255, 1 / 255, 1 / 255]),
    "vggface": x[:, ::-1] - np.array([93.5940, 104.7624, 129.1863]),
    "channels=gray,scale=1/255": np.array(Image.fromarray(pixels.reshape(1, -1, 3)).convert("L"), np.float64).reshape(-1, 1) / 255,
    "channels=rgba": np.array(Image.fromarray(pixels.reshape(1, -1, 3)).convert("RGBA"), np.float64).reshape(-1, 4),
    "range=-1,1": x / 127.5 - 1,
    "channels=bgr,scale=1/128,mean=1,std=0.5,0.25,2": (x[:, ::-1] / 128 - 1) / np.array([0.5, 0.25, 2]),
}

luma = hashlib.sha256()
for r in range(256):
    g, b = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8), indexing="ij")
    plane = np.stack([np.full_like(g, r), g, b], axis=-1)
    luma.update(np.array(Image.fromarray(plane).convert("L")).tobytes())

golden = {
    "pixels": pixels.reshape(-1).tolist(),
    "luma_sha256": luma.hexdigest(),
    "values": {name: np.float32(v).reshape(-1).astype(float).tolist() for name, v in values.items()},
}
with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as f:
    json.dump(golden, f)
    f.write("\n")
