"""Saves networks with layers for preprocessing by Keras 3, in its three formats.

    python make_keras_types.py

Writes keras_types.zip with NAME.keras, NAME.weights.h5 and NAME.h5 of a network with
Rescaling, Normalization (adapted, so that it has variables, and with numbers of its own, so
that it has none), BatchNormalization and Dropout, in float32, float16, float64 and bfloat16,
and expected.json: their tensors as h5py and ml_dtypes read them, and the architecture. Made
with tensorflow-cpu 2.18.1, keras 3.15.1, h5py 3.16, Python 3.11.
"""

import io
import json
import os
import pathlib
import tempfile
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import h5py
import keras
import ml_dtypes
import numpy as np

HERE = pathlib.Path(__file__).parent
expected = {}


def network(dtype):
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    adapted = layers.Normalization(name="adapted", dtype=dtype if dtype in ("float32", "float64") else "float32")
    adapted.adapt(np.arange(96, dtype="f4").reshape(3, 4, 4, 2))
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            layers.Rescaling(1 / 127.5, offset=-1, name="rescaling", dtype=dtype),
            adapted,
            layers.Normalization(mean=[0.5, 0.25], variance=[1.0, 4.0], name="fixed", dtype=dtype),
            layers.Conv2D(4, 3, name="block1_conv1", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Flatten(),
            layers.Dropout(0.5, seed=1),
            layers.Dense(3, name="predictions", dtype=dtype),
        ]
    )
    model.compile("adam", "mse")
    return model


def tensors(file):
    found, others = {}, {}

    def visit(path, d):
        if not isinstance(d, h5py.Dataset) or path.startswith("optimizer"):
            return
        a = d[()]
        if d.attrs.get("dtype") == "bfloat16":
            a = np.asarray(a).view(ml_dtypes.bfloat16).reshape(d.shape)
        a = np.asarray(a)
        if a.dtype.kind == "f" or a.dtype == ml_dtypes.bfloat16:
            kept = "f2" if a.dtype == "f2" else "f4"
            found[path] = dict(dtype="F16" if kept == "f2" else "F32", shape=list(a.shape), values=a.astype(kept).astype("f8").ravel().tolist())
        else:
            letter = {"i": "I", "u": "U"}[a.dtype.kind]
            others[path] = dict(dtype=letter + str(8 * a.dtype.itemsize), shape=list(a.shape), raw=a.astype(a.dtype.newbyteorder("<")).tobytes().hex())

    file.visititems(visit)
    return dict(tensors=found, others=others)


with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(HERE / "keras_types.zip", "w", zipfile.ZIP_DEFLATED) as out:
    temporary = pathlib.Path(temporary)

    def put(path):
        info = zipfile.ZipInfo(path.name)
        info.compress_type = zipfile.ZIP_DEFLATED
        out.writestr(info, path.read_bytes())

    for dtype in ("float32", "float16", "float64", "bfloat16"):
        model = network(dtype)
        config = json.loads(model.to_json())["config"]
        for suffix in (".keras", ".weights.h5", ".h5"):
            if dtype == "bfloat16" and suffix == ".h5":
                continue  # the legacy format gives up: h5py knows no bfloat16
            path = temporary / (dtype + suffix)
            (model.save_weights if suffix == ".weights.h5" else model.save)(path)
            if suffix == ".keras":
                with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
                    expected[path.name] = tensors(file)
            else:
                with h5py.File(path) as file:
                    expected[path.name] = tensors(file)
            if suffix != ".weights.h5":
                expected[path.name]["layers"] = [l["config"]["name"] for l in config["layers"]]
            put(path)
    (temporary / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
    put(temporary / "expected.json")
