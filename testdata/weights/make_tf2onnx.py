"""Makes ONNX models of Keras networks by tf2onnx itself.

    pip install --no-deps tf2onnx==1.17.0 onnx==1.17.0 flatbuffers  (beside TensorFlow)
    python make_tf2onnx.py

rescaling.onnx begins with a Rescaling layer, bgr.onnx with Keras's own preprocess_input of
VGG16. Their dense layers take row,
column, channel. golden.json has the weights in PyTorch's order, notes.json what happens
before the first convolution; both are checked here against Keras's prediction. Made with
tensorflow-cpu 2.18.1, keras 3.15.1.
"""

import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

HERE = pathlib.Path(__file__).parent / "tf2onnx"
HERE.mkdir(exist_ok=True)
rng = np.random.default_rng(3)
golden, notes = {}, {}


def network(first):
    x = inputs = keras.Input((8, 8, 3))
    x = first(x)
    for filters in (4, 5):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(layers.Dense(6, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.set_weights([(rng.integers(-20, 21, w.shape) / 64).astype("f4") for w in model.get_weights()])
    return model


def forward(x, want):
    w = {k.removeprefix("sequence/"): v.astype("f8") for k, v in want.items()}
    for i in (0, 1):
        k, b = w[f"convolution_{i}/weight"], w[f"convolution_{i}/bias"]
        n, c, h, _ = x.shape
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        x = sum(np.einsum("nchw,oc->nohw", padded[:, :, r : r + h, s : s + h], k[:, :, r, s]) for r in range(3) for s in range(3))
        x = np.maximum(x + b[:, None, None], 0).reshape(n, -1, h // 2, 2, h // 2, 2).max((3, 5))
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ w["dense_0/weight"].T + w["dense_0/bias"], 0)
    x = x @ w["dense_1/weight"].T + w["dense_1/bias"]
    x = np.exp(x - x.max(1, keepdims=True))
    return x / x.sum(1, keepdims=True)


def save(name, first, seen, note):
    model = network(first)
    k0, b0, k1, b1, d0, e0, d1, e1 = model.get_weights()
    want = {
        "convolution_0/weight": k0.transpose(3, 2, 0, 1),
        "convolution_0/bias": b0,
        "convolution_1/weight": k1.transpose(3, 2, 0, 1),
        "convolution_1/bias": b1,
        "dense_0/weight": d0.reshape(2, 2, 5, 6).transpose(3, 2, 0, 1).reshape(6, 20),
        "dense_0/bias": e0,
        "dense_1/weight": d1.T,
        "dense_1/bias": e1,
    }
    want = {f"sequence/{k}": v for k, v in want.items()}
    picture = rng.integers(0, 256, (2, 8, 8, 3)).astype("f4")
    got = model.predict(picture, verbose=0)
    expected = forward(seen(picture.astype("f8")).transpose(0, 3, 1, 2), want)
    assert np.allclose(got, expected, atol=1e-4), (name, got, expected)
    signature = [tf.TensorSpec((None, 8, 8, 3), tf.float32, name="x")]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=17)
    (HERE / name).write_bytes(proto.SerializeToString())
    golden[name] = {k: {"shape": list(t.shape), "values": [float(v) for v in t.ravel()]} for k, t in want.items()}
    notes[name] = note


def triple(v):
    return ":".join(str(np.float32(n)) for n in v)


save(
    "rescaling.onnx",
    layers.Rescaling(1 / 127.5, -1),
    lambda x: x / 127.5 - 1,
    f"order=0:1:2,scale={triple([np.float32(1 / 127.5)] * 3)},offset=-1:-1:-1",
)
mean = np.array([103.939, 116.779, 123.68])
save(
    "bgr.onnx",
    keras.applications.vgg16.preprocess_input,
    lambda x: x[..., ::-1] - mean,
    "order=2:1:0,scale=1:1:1,offset=-103.939:-116.779:-123.68",
)
(HERE / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
(HERE / "notes.json").write_text(json.dumps(notes, indent=1) + "\n")
