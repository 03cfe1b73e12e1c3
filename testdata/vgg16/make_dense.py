"""Makes golden values of the dense evaluation (Simonyan and Zisserman 2015, section 3.2) of
VGG16: ../photos/cat.1.png with its shorter side at 224 and at 256, each with its mirror image.

    python make_dense.py    # needs keras, tensorflow-cpu, pillow

Writes dense.json beside itself. It is made by other means than the program's: Pillow resizes,
Keras's own VGG16 without its input size computes the convolutions, and the dense layers are
applied by NumPy to every window of 7x7 of pool5, cut out one by one. The convolutions' weights
are those that ship (../../vgg/imagenet); of the dense layers they are computed from a counter, as
in make_layers.py: numbers 0 to 5 are kernel and bias of fc6, fc7 and fc8.

Of a layer, the values are averaged over the positions of a view, then over the views: all of
them for pool5 and block3_conv1, 64 spread ones (see make_layers.py) for the others. softmax is
that of a view's averaged scores. "positions" is the number of windows of each view.

Made with tensorflow-cpu 2.18.1, keras 3.15.1, Pillow 13.0, Python 3.11.
"""

import json
import os
import pathlib
import struct

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import keras
import numpy as np
from PIL import Image

from make_layers import short, weights

HERE = pathlib.Path(__file__).parent
FAN_IN = {"fc6": 25088, "fc7": 4096, "fc8": 4096}
UNITS = {"fc6": 4096, "fc7": 4096, "fc8": 1000}


def shipped():
    data = (HERE / "../../vgg/imagenet/vgg16-conv-float16.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__")
    return {
        name: np.frombuffer(data[8 + length:][slice(*t["data_offsets"])], np.float16).reshape(t["shape"]).astype(np.float32)
        for name, t in header.items()
    }


tensors = shipped()
model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
for layer in model.layers:
    if layer.weights:
        layer.set_weights([tensors[f"{layer.name}/kernel"], tensors[f"{layer.name}/bias"]])
taps = keras.Model(model.input, [model.get_layer("block3_conv1").output, model.get_layer("block5_pool").output])
kernels, biases = {}, {}
for i, name in enumerate(UNITS):
    kernels[name] = weights(2 * i, (FAN_IN[name], UNITS[name]), FAN_IN[name])
    biases[name] = weights(2 * i + 1, (UNITS[name],), 60)


def dense(x, name, rectify=True):
    x = x @ kernels[name] + biases[name]
    return np.maximum(x, 0) if rectify else x


picture = Image.open(HERE / "../photos/cat.1.png").convert("RGB")
views, positions = [], []
for side in (224, 256):
    width, height = picture.size
    size = (side, side * height // width) if width < height else (side * width // height, side)
    scaled = np.asarray(picture.resize(size, Image.BILINEAR), np.float32)
    for pixels in (scaled, scaled[:, ::-1]):
        batch = keras.applications.vgg16.preprocess_input(pixels[None].copy())
        early, pool5 = (np.asarray(o)[0] for o in taps(batch))
        rows, columns = pool5.shape[0] - 6, pool5.shape[1] - 6
        windows = np.stack([pool5[y:y + 7, x:x + 7].ravel() for y in range(rows) for x in range(columns)])
        fc6 = dense(windows, "fc6")
        fc7 = dense(fc6, "fc7")
        fc8 = dense(fc7, "fc8", rectify=False).mean(axis=0, dtype=np.float64)
        e = np.exp(fc8 - fc8.max())
        views.append({
            "block3_conv1": early.mean(axis=(0, 1), dtype=np.float64), "pool5": pool5.mean(axis=(0, 1), dtype=np.float64),
            "fc6": fc6.mean(axis=0, dtype=np.float64), "fc7": fc7.mean(axis=0, dtype=np.float64), "fc8": fc8, "softmax": e / e.sum(),
        })
        positions.append(len(windows))

golden = {}
for name in views[0]:
    values = np.mean([v[name] for v in views], axis=0)
    at = np.arange(values.size) if name in ("pool5", "block3_conv1") else (np.arange(64, dtype=np.uint64) * 2654435761 + 12345) % values.size
    golden[name] = {"size": values.size, "largest": short(np.abs(values).max()), "values": [short(v) for v in values[at]]}
(HERE / "dense.json").write_text(json.dumps({"layers": golden, "positions": positions}) + "\n")
print(positions)
