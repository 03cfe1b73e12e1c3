"""Makes whole networks with seeded random weights, and golden values of their layers.

    python make_large.py DIR

For VGG16 and VGG19 it writes to DIR the weights as Keras's legacy HDF5 (the format of its
published files, about 0.55 GB each) and NAME.json, the outputs of pool5, fc6, fc7 and
predictions for cat.1.png of this directory. Too large to commit; `FOVEA_LARGE_MODELS=DIR go
test ./models` checks the import of such files against them.

Made with tensorflow-cpu 2.18.1, keras 3.15.1, Python 3.11.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format
from PIL import Image

here, target = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1])
target.mkdir(exist_ok=True)
pixels = np.asarray(Image.open(here / "cat.1.png"), np.float32)[None]
for build in (keras.applications.VGG16, keras.applications.VGG19):
    keras.utils.set_random_seed(11)
    name = build.__name__.lower()
    model = build(weights=None)
    for w in model.weights:
        if w.name == "bias":
            w.assign(np.random.default_rng(5).normal(size=w.shape) * 0.1)
    with h5py.File(target / f"{name}.h5", "w") as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, model)
    layers = {"pool5": "block5_pool", "fc6": "fc1", "fc7": "fc2", "softmax": "predictions"}
    taps = keras.Model(model.input, [model.get_layer(n).output for n in layers.values()])
    outputs = taps.predict(keras.applications.vgg16.preprocess_input(pixels.copy()), verbose=0)
    golden = {k: o.ravel().astype(float).tolist() for k, o in zip(layers, outputs)}
    (target / f"{name}.json").write_text(json.dumps(golden))
    del model, taps
