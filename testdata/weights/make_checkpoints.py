"""Makes small TensorFlow checkpoints: bundles (V2) of TF1 and of TF2, and the single file of V1.

    "$(scripts/python.sh path tensorflow)" testdata/weights/make_checkpoints.py

The tensors are those of make_files.py under TF-slim's names, with what a trainer leaves
beside them: the step, an optimizer's momentum, a mean of the pictures. Made with
tensorflow-cpu 2.18.1, keras 3.15.1, numpy 2.0.2.
"""

import json
import os
import pathlib
import shutil

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent / "checkpoints"
shutil.rmtree(HERE, ignore_errors=True)
HERE.mkdir()
kernel = (((np.arange(3 * 3 * 2 * 4) % 19) - 9) / 8).astype("<f4").reshape(3, 3, 2, 4)
bias = np.arange(1, 5, dtype="<f4")
values = {
    "vgg_16/conv1/conv1_1/weights": kernel,
    "vgg_16/conv1/conv1_1/biases": bias,
    "vgg_16/conv1/conv1_1/weights/Momentum": kernel + 1,
    "vgg_16/fc6/weights": (np.arange(7 * 7 * 2 * 3, dtype="<f4").reshape(7, 7, 2, 3) - 100) / 4,
    "vgg_16/fc6/biases": np.zeros(3, "<f4"),  # compresses well: V1 stores such a block by snappy
    "vgg_16/half": np.arange(6, dtype="<f2").reshape(2, 3),
    "vgg_16/double": np.arange(6, dtype="<f8").reshape(3, 2) / 3,
    "vgg_16/mean_rgb": np.array([123.68, 116.78, 103.94], "<f4"),
    "global_step": np.int64(7),
}
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    variables = {name: tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()}
    session.run(tf.compat.v1.global_variables_initializer())
    for name, version in {"v1.ckpt": 1, "v2.ckpt": 2}.items():
        saver = tf.compat.v1.train.Saver(write_version=version)
        saver.save(session, str(HERE / name), write_meta_graph=False, write_state=version == 2)
    bf16 = {k: tf.compat.v1.get_variable("b/" + k, initializer=tf.cast(values[k], tf.bfloat16)) for k in list(values)[:2]}
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.Saver(bf16).save(session, str(HERE / "bfloat16.ckpt"), write_meta_graph=False, write_state=False)

with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    half = tf.compat.v1.fixed_size_partitioner(2)
    tf.compat.v1.get_variable("conv1_1/weights", initializer=tf.constant(kernel), partitioner=half)
    session.run(tf.compat.v1.global_variables_initializer())
    for version in (1, 2):
        tf.compat.v1.train.Saver(write_version=version).save(session, str(HERE / f"partitioned{version}"), write_meta_graph=False, write_state=False)

# The directory is somewhere else than where it was written, as a downloaded one is.
(HERE / "checkpoint").write_text('model_checkpoint_path: "/somewhere/else/v2.ckpt"\nall_model_checkpoint_paths: "/somewhere/else/v2.ckpt"\n')

# TF2: an object graph, once of plain modules with names, once of a Keras model.
class Layer(tf.Module):
    def __init__(self, name, w, b):
        super().__init__(name=name)
        with self.name_scope:
            self.w, self.b = tf.Variable(w, name="kernel"), tf.Variable(b, name="bias")


root = tf.Module()
root.layers = [Layer("block1_conv1", kernel, bias)]
tf.train.Checkpoint(root=root).write(str(HERE / "objects"))

import keras

model = keras.Sequential([keras.Input((8, 8, 2)), keras.layers.Conv2D(4, 3, name="block1_conv1"), keras.layers.Conv2D(2, 1, name="block1_conv2")])
model.layers[0].set_weights([kernel, bias])
model.layers[1].set_weights([np.ones((1, 1, 4, 2), "f"), np.zeros(2, "f")])
model.compile("adam", "mse")
model.fit(np.zeros((1, 8, 8, 2)), np.zeros((1, 6, 6, 2)), verbose=0)
model.layers[0].set_weights([kernel, bias])
tf.train.Checkpoint(model=model).write(str(HERE / "keras"))

# Files that people give in place of the weights.
foreign = HERE / "foreign"
foreign.mkdir()
with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
    x = tf.compat.v1.placeholder(tf.float32, [None, 4], name="x")
    y = tf.nn.relu(tf.matmul(x, tf.compat.v1.get_variable("w", initializer=np.ones((4, 2), "f"))), name="y")
    session.run(tf.compat.v1.global_variables_initializer())
    tf.compat.v1.train.export_meta_graph(str(foreign / "model.ckpt.meta"), clear_devices=True)
    frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
    (foreign / "frozen.pb").write_bytes(frozen.SerializeToString())
small = tf.Module()
small.w = tf.Variable(np.ones((4, 2), "f"))
small.f = tf.function(lambda x: x @ small.w, input_signature=[tf.TensorSpec([1, 4])])
converter = tf.lite.TFLiteConverter.from_concrete_functions([small.f.get_concrete_function()], small)
(foreign / "model.tflite").write_bytes(converter.convert())

network = {k: v for k, v in values.items() if k not in ("global_step", "vgg_16/mean_rgb") and "Momentum" not in k}
golden = {
    "v1.ckpt": network,
    "v2.ckpt": network,
    "bfloat16.ckpt": {"vgg_16/conv1/conv1_1/weights": kernel, "vgg_16/conv1/conv1_1/biases": bias},
    "objects": {"block1_conv1/kernel": kernel, "block1_conv1/bias": bias},
    "keras": {w.path: w.numpy() for w in model.weights},
}
text = {
    file: {name: {"shape": list(t.shape), "values": [float(v) for v in np.asarray(t, "<f4").ravel()]} for name, t in tensors.items()}
    for file, tensors in golden.items()
}
(HERE / "golden.json").write_text(json.dumps(text, separators=(",", ":")) + "\n")
