#!/usr/bin/env bash
# safetensors 0.8.0: safetensors.numpy stores transposed and sliced arrays with the values in the wrong places.
#
# One would guess: save_file() stores what the array holds, by its shape and indices, as numpy.save does and as safetensors
# 0.7.0 did, or refuses what is not contiguous, as safetensors.torch does.
# What happens: it copies memory from the array's first element on, in whatever order it lies there, and writes the array's
# shape beside it. A transposed array comes back with the right shape and the numbers in the order before it was transposed;
# of a slice come elements that were not in it. There is no error, and the file is valid. Arrays in C order are right.
# Who is hurt: converters of weights: kernels from Keras and TensorFlow are transposed for PyTorch (HWIO to OIHW), and
# scikit-learn's components are in Fortran order. The converted network loads, runs, and is nonsense.
# Remedy: numpy.ascontiguousarray() around every array, or safetensors 0.7.0.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/save.py" <<'PYTHON'
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

kernel = np.arange(3 * 3 * 3 * 8, dtype=np.float32).reshape(3, 3, 3, 8)
seen = {}
for name, array in {
    "in C order": kernel,
    "HWIO to OIHW": kernel.transpose(3, 2, 0, 1),
    "HWIO to OIHW, contiguous": np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)),
    "in Fortran order": np.asfortranarray(kernel),
    "half of the channels": kernel[:, :, :, :4],
}.items():
    save_file({"x": array}, "x.safetensors")
    back = load_file("x.safetensors")["x"]
    assert back.shape == array.shape
    seen[name] = bool((back == array).all())
    print(f"safetensors {sys.argv[1]}, {name}: {100 * (back != array).mean():.0f} % of the values are others")
wrong = [name for name, right in seen.items() if not right]
assert wrong == (["HWIO to OIHW", "in Fortran order", "half of the channels"] if sys.argv[1] == "0.8.0" else []), "it changed"
PYTHON
cd "$work"
for version in 0.7.0 0.8.0; do
	python3 -m venv "$work/venv-$version"
	"$work/venv-$version/bin/pip" install --quiet --disable-pip-version-check "safetensors==$version" numpy==2.4.6
	"$work/venv-$version/bin/python" save.py "$version"
done
