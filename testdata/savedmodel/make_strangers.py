"""Makes SavedModels that do more than compute, as tf.function writes them, and some that look like it
but only compute.

    python make_strangers.py DIR TRACE     all of them, to DIR; they write the file TRACE
    python make_strangers.py --here        inputs/writes-in-a-loop beside this file, which writes a file named
                                           written-by-the-model to the working directory

All they would do is harmless. Made with tensorflow-cpu 2.18.1, Python 3.11.
"""

import os
import pathlib
import shutil
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf


class Stranger(tf.Module):
    def __init__(self, trace, assets):
        self.trace = trace
        self.kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype("float32"), name="kernel")
        if assets:
            words = pathlib.Path(assets) / "words.txt"
            words.write_text("cat\ndog\n")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
            self.small = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant(["a"]), tf.constant([1.0])), 0.0)

    def features(self, image):
        return tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME", name="conv"))

    def scores(self, x):
        return {"scores": tf.reduce_mean(x, [1, 2])}

    # What does more than compute.
    def writes(self, image):
        tf.io.write_file(self.trace, "run")
        return self.scores(self.features(image))

    def branches(self, image):
        x = self.features(image)
        if tf.reduce_max(x) > -1.0:
            tf.io.write_file(self.trace, "run")
        return self.scores(x)

    def loops(self, image):
        x = self.features(image)
        for _ in tf.range(2):
            tf.io.write_file(self.trace, "run")
            x = x + 1.0
        return self.scores(x)

    def prints(self, image):
        tf.print("run", output_stream="file://" + self.trace)
        return self.scores(self.features(image))

    def reads(self, image):
        size = tf.strings.length(tf.io.read_file(__file__))
        return self.scores(self.features(image) + 0.0 * tf.cast(size, tf.float32))

    def lists(self, image):
        size = tf.size(tf.io.matching_files(os.path.dirname(self.trace) + "/*"))
        return self.scores(self.features(image) + 0.0 * tf.cast(size, tf.float32))

    def python(self, image):
        return self.scores(tf.ensure_shape(tf.numpy_function(lambda x: x, [self.features(image)], tf.float32), [None, 8, 8, 4]))

    def records(self, image):
        x = self.features(image)
        for record in tf.data.TFRecordDataset([self.trace + ".records"]):
            x = x + tf.cast(tf.strings.length(record), tf.float32)
        return self.scores(x)

    # What only computes.
    def tables(self, image):
        number = self.table.lookup(tf.constant("dog"))
        return self.scores(self.features(image) + tf.cast(number, tf.float32) + self.small.lookup(tf.constant("a")))

    def controls(self, image):
        x = self.features(image)
        x = tf.cond(tf.reduce_max(x) > 1.0, lambda: x * 2.0, lambda: x)
        x = tf.map_fn(lambda one: one + 1.0, x)
        for _ in tf.range(2):
            x = x + 1.0
        tf.debugging.assert_greater(tf.reduce_max(x), -1.0)
        tf.print("note", output_stream=sys.stderr)
        return self.scores(x)

    def quantized(self, image):
        x = tf.quantization.fake_quant_with_min_max_vars(self.features(image), -6.0, 6.0)
        q, low, high = tf.quantization.quantize(x, -6.0, 6.0, tf.qint8)
        return self.scores(tf.quantization.dequantize(q, low, high))


def make(kind, directory, trace, name=None):
    path = pathlib.Path(directory) / (name or kind)
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    model = Stranger(trace, directory if kind == "tables" else None)
    function = tf.function(getattr(model, kind), input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, name="image")])
    model.serve = function
    tf.saved_model.save(model, str(path), signatures=function)
    (path / "fingerprint.pb").unlink(missing_ok=True)


KINDS = ["writes", "branches", "loops", "prints", "reads", "lists", "python", "records", "tables", "controls", "quantized"]

if sys.argv[1] == "--here":
    make("loops", pathlib.Path(__file__).parent / "inputs", "written-by-the-model", "writes-in-a-loop")
else:
    for kind in KINDS:
        make(kind, sys.argv[1], sys.argv[2])
