#!/usr/bin/env python3
"""Times other decoders on photos; BenchmarkPeers of package picture runs it.

    python speed.py pillow|pillow-whole|tensorflow ROUNDS FILE...   # prints processor seconds a photo

"pillow" decodes, "pillow-whole" also resizes to 224x224 and makes float32 of it as Keras's
vgg16.preprocess_input does. "tensorflow" decodes by the operation tf.io.decode_jpeg, within
one graph, so that no Python runs in between. All on one core, from files in memory; one round
is run first and not counted.
"""

import io
import os
import sys
import time

kind, rounds, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
photos = []
for name in names:
    with open(name, "rb") as file:
        photos.append(file.read())

if kind == "tensorflow":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def decode(data):
        return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")

    @tf.function
    def run(data):
        return tf.data.Dataset.from_tensor_slices(data).map(decode).reduce(
            tf.constant(0), lambda n, picture: n + tf.shape(picture)[0])

    data = tf.constant(photos)

    def once():
        run(data).numpy()
else:
    import numpy as np
    from PIL import Image

    means = np.array([103.939, 116.779, 123.68], np.float32)

    def once():
        for photo in photos:
            picture = Image.open(io.BytesIO(photo))  # all are RGB
            picture.load()
            if kind == "pillow-whole":
                pixels = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR))
                pixels[..., ::-1].astype(np.float32) - means

once()
start = time.process_time()
for _ in range(rounds):
    once()
print((time.process_time() - start) / (rounds * len(photos)))
