#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: fractions become false, whole numbers are clipped at one end only, and NaN becomes 0.
#
# One would guess: TensorFlow.js computes the same with each backend, but for rounding. Its documentation of cast, clipByValue, relu6
# and maximum speaks of no backend.
# What happens, without an error, with the backend "wasm", where "cpu" gives what TensorFlow gives:
#   1. tf.cast(x, "bool") of floats keeps the whole part modulo 256: 0.4, -0.9, 256 and NaN become false, and 2.5 and -1 become 2 and
#      255, which count twice and 255 times in a sum. A soft mask becomes empty.
#   2. tf.clipByValue(x, 0, 6) of int32 leaves what is above 6 as it is. The lower end works.
#   3. relu6 and clipByValue of floats make the lower end of NaN, and maximum(1, NaN) is 1, so that a network that failed looks as if
#      it had worked. relu and maximum(NaN, 1) are NaN.
#   4. resizeNearestNeighbor of int32 returns a tensor that says it is float32; the values are right.
# Who is hurt: classifiers and segmentation in the browser, where wasm is the usual backend without a graphics card: masks, counts and
# pixels clipped to 0 to 255 differ from what was tested with another backend.
# Remedy: tf.notEqual(x, 0) instead of the cast, tf.minimum and tf.maximum of int32 instead of the clip.
# Seen on 2026-11-30, with Node 20 and TensorFlow 2.21.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
cat > main.js <<'JS'
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

const root = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json"));
setWasmPaths(`${root}/wasm-out/`);
const floats = () => tf.tensor1d([0, 0.4, -0.9, 1, 2.5, -1, NaN, 256]);
const whole = () => tf.tensor1d([-5, 0, 3, 9, 250], "int32");
const operations = {
  cast: () => tf.cast(floats(), "bool"),
  clip: () => tf.clipByValue(whole(), 0, 6),
  clipFloats: () => tf.clipByValue(floats(), -0.5, 2),
  relu6: () => tf.relu6(floats()),
  relu: () => tf.relu(floats()),
  maximum: () => tf.maximum(tf.scalar(1), floats()),
  notEqual: () => tf.notEqual(floats(), tf.scalar(0)),
  minimum: () => tf.minimum(tf.maximum(whole(), tf.scalar(0, "int32")), tf.scalar(6, "int32")),
  nearest: () => tf.image.resizeNearestNeighbor(tf.tensor3d([1, 2, 3, 4], [2, 2, 1], "int32"), [4, 4]),
};
const results = {};
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  await tf.ready();
  results[backend] = {};
  for (const [name, operation] of Object.entries(operations)) {
    const tensor = operation();
    results[backend][name] = { type: tensor.dtype, values: Array.from(await tensor.data(), (v) => (Number.isNaN(v) ? "NaN" : Number(v))) };
  }
}
writeFileSync("results.json", JSON.stringify(results));
JS
node main.js 2> /dev/null
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - 2> log <<'PYTHON' || { cat log; exit 1; }
import json

import numpy as np
import tensorflow as tf

with open("results.json") as f:
    results = json.load(f)
floats, whole = tf.constant([0, 0.4, -0.9, 1, 2.5, -1, np.nan, 256]), tf.constant([-5, 0, 3, 9, 250])
wanted = {
    "cast": tf.cast(floats, tf.bool),
    "clip": tf.clip_by_value(whole, 0, 6),
    "clipFloats": tf.clip_by_value(floats, -0.5, 2),
    "relu6": tf.nn.relu6(floats),
    "relu": tf.nn.relu(floats),
    "maximum": tf.maximum(1.0, floats),
    "notEqual": tf.not_equal(floats, 0),
    "minimum": tf.minimum(tf.maximum(whole, 0), 6),
    "nearest": tf.image.resize(tf.constant([[[1], [2]], [[3], [4]]]), (4, 4), "nearest"),
}
seen = {
    "cast": [0, 0, 0, 1, 2, 255, 0, 0],
    "clip": [0, 0, 3, 9, 250],
    "clipFloats": [0, 0.4, -0.5, 1, 2, -0.5, -0.5, 2],
    "relu6": [0, 0.4, 0, 1, 2.5, 0, 0, 6],
    "maximum": [1, 1, 1, 1, 2.5, 1, 1, 256],
}
for name, tensor in wanted.items():
    right = tensor.numpy().astype(float).ravel()
    cpu, wasm = (np.array(results[b][name]["values"], float) for b in ("cpu", "wasm"))
    print(f"{name}: {right.tolist()[:8]}, by wasm {wasm.round(2).tolist()[:8]}")
    assert np.allclose(cpu, right, equal_nan=True), name
    assert np.allclose(wasm, seen.get(name, right), equal_nan=True), f"{name}: it changed"
assert results["cpu"]["nearest"]["type"] == "int32" and results["wasm"]["nearest"]["type"] == "float32", "it changed"
PYTHON
