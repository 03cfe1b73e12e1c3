#!/usr/bin/env bash
# keras 3.15.1: keras.ops.image.gaussian_blur blurs otherwise than it says, and otherwise with each backend.
#
# One would guess: the blurred image does not depend on the backend; a kernel_size and a sigma of two numbers are those of height
# and width, as the documentation has it; and images are (height, width, channels) unless data_format says something else.
# What happens, without an error, for an image whose right result is SciPy's:
#   1. JAX, with data_format not given: rows are taken for channels. Neighbouring columns are blurred, and red, green and blue
#      with one another, as if they were neighbours; rows are not blurred at all. With data_format="channels_last" it is right.
#   2. TensorFlow, with kernels that are not square: the kernel's weights are put into rows of the wrong length, which shears it:
#      a single white pixel comes out as slanting stripes.
#   3. All backends: height and width are exchanged. sigma=(1, 2) blurs two rows and one column wide. JAX and NumPy
#      exchange the kernel's sizes, too: 5 x 1 blurs along rows. TensorFlow does not exchange those.
# Who is hurt: those who blur before they subsample, or detect edges: in JAX the colours of all images run together, by the very
# call that the documentation shows. The layer RandomGaussianBlur gives data_format, and is right in 1.
# Remedy: give data_format, and only square kernels with one sigma.
# Seen on 2026-11-30, with tensorflow-cpu 2.21.0, jax 0.10.2, scipy 1.17.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
	keras==3.15.1 tensorflow-cpu==2.21.0 jax==0.10.2 scipy==1.17.1 numpy==2.4.6
cat > "$work/blur.py" <<'PYTHON'
import keras
import numpy as np
from scipy import ndimage

backend = keras.config.backend()
assert keras.config.image_data_format() == "channels_last"
image = np.random.default_rng(7).uniform(size=(12, 16, 3)).astype("float32")


def wanted(size, sigma, values=image):
    """Height is blurred by the first numbers, width by the second ones, channels not at all; beyond the border is 0."""
    for axis in (0, 1):
        weights = np.exp(-((np.arange(size[axis]) - size[axis] // 2) ** 2) / (2 * sigma[axis] ** 2))
        values = ndimage.correlate1d(values, weights / weights.sum(), axis=axis, mode="constant")
    return values


def blurred(size, sigma, values=image, **arguments):
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.image.gaussian_blur(values, size, sigma, **arguments)))


def same(a, b):
    return bool(np.allclose(a, b, atol=1e-5))


grey = image[..., :1]
seen = {
    "3 x 3, no data_format": same(blurred((3, 3), (1.0, 1.0)), wanted((3, 3), (1, 1))),
    "3 x 3, channels_last": same(blurred((3, 3), (1.0, 1.0), data_format="channels_last"), wanted((3, 3), (1, 1))),
    "sigma (1, 2)": same(blurred((5, 5), (1.0, 2.0), data_format="channels_last"), wanted((5, 5), (1, 2))),
    "sigma (1, 2), exchanged": same(blurred((5, 5), (1.0, 2.0), data_format="channels_last"), wanted((5, 5), (2, 1))),
    "5 x 1": same(blurred((5, 1), (1.0, 1.0), data_format="channels_last"), wanted((5, 1), (1, 1))),
    "3 x 5": same(blurred((3, 5), (1.0, 1.0), data_format="channels_last"), wanted((3, 5), (1, 1))),
    "3 x 5, exchanged": same(blurred((3, 5), (1.0, 1.0), data_format="channels_last"), wanted((5, 3), (1, 1))),
}
print(f"{backend}: right are", ", ".join(name for name, right in seen.items() if right))
assert seen == {
    "3 x 3, no data_format": backend != "jax", "3 x 3, channels_last": True,
    "sigma (1, 2)": False, "sigma (1, 2), exchanged": True,
    "5 x 1": backend == "tensorflow", "3 x 5": False, "3 x 5, exchanged": backend != "tensorflow",
}, "it changed"

if backend == "jax":  # rows apart, columns and colours together
    red = np.zeros((5, 5, 3), "float32")
    red[2, 2, 0] = 1
    result = blurred((3, 3), (1.0, 1.0), red)
    print("a red pixel becomes, in its row,", np.round(result[2, 1:4].astype(float), 2).tolist(),
          "and in the row above", result[1, 2].tolist())
    assert result[2, 2, 1] > 0.1 and (result[[0, 1, 3, 4]] == 0).all(), "it changed"
if backend == "tensorflow":
    white = np.zeros((5, 7, 1), "float32")
    white[2, 3] = 1
    result = blurred((3, 5), (1.0, 1.0), white)[1:4, 1:6, 0]
    print("a white pixel becomes", np.round(result.astype(float), 2).tolist())
    weights = [np.exp(-((np.arange(n) - n // 2) ** 2) / 2) for n in (5, 3)]
    kernel = np.outer(weights[0] / weights[0].sum(), weights[1] / weights[1].sum())
    assert same(result[::-1, ::-1], kernel.reshape(3, 5)), "it changed"
PYTHON
cd "$work"
export TF_CPP_MIN_LOG_LEVEL=3
for backend in jax tensorflow numpy; do
	KERAS_BACKEND=$backend "$work/venv/bin/python" blur.py 2> "$work/log" || { cat "$work/log" >&2; exit 1; }
done
