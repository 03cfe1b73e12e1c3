"""Saves named arrays by MXNet itself.

    pip install --no-deps mxnet==1.9.1 numpy==1.23.5 requests graphviz urllib3 idna certifi charset-normalizer
    python make_mxnet.py

saved.params has the tensors of make_files.py in float32, float16 and float64, and a counter.
golden.json has them as NumPy does. Python 3.11.
"""

import json
import pathlib

import mxnet as mx
import numpy as np

HERE = pathlib.Path(__file__).parent / "mxnet"
HERE.mkdir(exist_ok=True)
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4).transpose(3, 2, 0, 1).copy()
bias = np.arange(1, 5, dtype="<f4")
arrays = {
    "arg:conv1_1_weight": kernel,
    "arg:conv1_1_bias": bias,
    "arg:fc6_weight": np.arange(12, dtype="<f2").reshape(3, 4),
    "aux:bn_moving_mean": np.arange(4, dtype="<f8") / 3,
}
saved = {k: mx.nd.array(v, dtype=v.dtype) for k, v in arrays.items()}
mx.nd.save(str(HERE / "saved.params"), saved | {"arg:step": mx.nd.array([7], dtype="int64")})
golden = {"saved.params": {k.split(":")[1]: {"shape": list(v.shape), "values": [float(x) for x in v.astype("<f4").ravel()]} for k, v in arrays.items()}}
(HERE / "golden.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
