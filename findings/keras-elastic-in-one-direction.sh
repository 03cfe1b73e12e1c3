#!/usr/bin/env bash
# keras 3.15.1: elastic_transform, and with it RandomElasticTransform, shifts pixels only along one diagonal.
#
# One would guess: an elastic distortion takes each pixel from somewhere near it, by a smooth random shift to the side and
# another, independent one up or down, as in the method's paper and in Keras's own NumPy backend.
# What happens, with TensorFlow and with JAX: both shifts are drawn from the same seed, so that they are the same numbers. A
# pixel that comes from three columns to the right always comes from three rows further down, too; never from the upper right
# or the lower left, and never straight from one side. The correlation of the shifts is 1; with NumPy it is near 0. The layer
# does so for every image of a batch. There is no error, and the pictures look plausible.
# Besides, with TensorFlow, map_coordinates with fill_mode="reflect", which the layer uses unless told otherwise, is right at the
# right and lower edge (a b c d | d c b a), and leaves the edge's pixel out at the left and upper edge (d c b | a b c d).
# Who is hurt: those who augment handwriting, cells and medical images: the network learns to bear distortions along one
# diagonal, and half of the directions, and every stretching of one side only, are missing from what it was shown.
# Remedy: make the shifts oneself, from two seeds, and give them to keras.ops.image.map_coordinates with another fill_mode.
# Seen on 2026-11-30, with tensorflow-cpu 2.21.0, jax 0.10.2 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
	keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2 scipy==1.17.1 numpy==2.4.6
cat > "$work/shifts.py" <<'PYTHON'
import sys

import keras
import numpy as np

# Each pixel holds its own column and row, so that the transformed image says where each pixel comes from.
rows, columns = np.mgrid[:96, :96].astype("float32")
image = np.stack([columns, rows], axis=-1)
layer = keras.layers.RandomElasticTransform(factor=(1, 1), scale=(0.3, 0.3), value_range=(0, 96), seed=3)
layer_of_batch = np.asarray(keras.ops.convert_to_numpy(layer(np.stack([image, image]), training=True)))
correlations = []
for seed in range(3):
    moved = keras.ops.image.elastic_transform(image, alpha=20.0, sigma=4.0, fill_mode="nearest", seed=seed)
    correlations.append(np.asarray(keras.ops.convert_to_numpy(moved)))
correlations += list(layer_of_batch)
for n, moved in enumerate(correlations):
    dx, dy = np.moveaxis((moved - image)[30:66, 30:66], -1, 0)  # the border's pixels may come from outside
    assert np.abs(dx).max() > 1 and np.abs(dy).max() > 1, "nothing was distorted"
    correlations[n] = np.corrcoef(dx.ravel(), dy.ravel())[0, 1]
    if sys.argv[1] == "same":
        assert np.abs(dx - dy).max() < 1e-3, "it changed"
print(f"{keras.config.backend()}: the shifts to the side and down have the correlations",
      ", ".join(f"{c:.2f}" for c in correlations[:3]), "and in the layer", ", ".join(f"{c:.2f}" for c in correlations[3:]))
assert sys.argv[1] == "same" or max(map(abs, correlations)) < 0.7, "it changed"

beside = keras.ops.image.map_coordinates(
    np.arange(4, dtype="float32"), np.arange(-3, 7, dtype="float32")[None], order=1, fill_mode="reflect")
beside = [int(v) for v in keras.ops.convert_to_numpy(beside)]
print(f"{keras.config.backend()}: 0 1 2 3 is reflected as", *beside[:3], "|", *beside[3:7], "|", *beside[7:])
left = [3, 2, 1] if keras.config.backend() == "tensorflow" else [2, 1, 0]
assert beside == [*left, 0, 1, 2, 3, 3, 2, 1], "it changed"
PYTHON
cd "$work"
export TF_CPP_MIN_LOG_LEVEL=3
for backend in tensorflow:same jax:same numpy:others; do
	KERAS_BACKEND=${backend%:*} "$work/venv/bin/python" shifts.py "${backend#*:}" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
done
