#!/usr/bin/env bash
# apache-arrow 21.2.0 (npm): toArray() of half floats gives their bits as whole numbers, so that all vectors look alike.
#
# One would guess: vector.toArray() has the numbers of vector.get(i) and of [...vector], in a typed array, as for float32 and float64.
# What happens, without an error: for float16 it is a Uint16Array with the bits: 15872 for 1.5, 49152 for -2, which is more than any
# positive number's, and 31743 for 65504. So it is with a row of a fixed size list, as vectors are stored. Cosines of vectors that
# have nothing in common are 0.8 instead of 0, since no bits are negative, and distances follow signs and exponents.
# What is null is 0 in toArray(), as for all types: means and distances take it for a number.
# The documentation of Vector says of toArray() that it returns a typed array or an array, without more; that half floats are not
# copied was decided in 2019, with a toFloat32Array() beside it, which is gone.
# Who is hurt: search, maps and classifiers in the browser and in Node, by features that were stored as half floats to be sent.
# Remedy: Float32Array.from(vector) or [...vector]; where Float16Array exists, new Float16Array(a.buffer, a.byteOffset, a.length).
# Seen on 2026-11-30, with Node 20, pyarrow 26.0.1 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
import pyarrow as pa

features = np.random.default_rng(7).normal(size=(3, 512))
columns = {name: pa.FixedSizeListArray.from_arrays(pa.array(features.astype(kind).ravel()), 512)
           for name, kind in (("half", np.float16), ("single", np.float32))}
columns["number"] = pa.array([np.float16(1.5), None, np.float16(-2)], pa.float16())
table = pa.table(columns)
with pa.OSFile("features.arrow", "wb") as f, pa.ipc.new_file(f, table.schema) as writer:
    writer.write_table(table)
halves = features.astype(np.float16)
lengths = np.linalg.norm(halves.astype(float), axis=1)
with open("wanted.json", "w") as f:
    json.dump({"half": halves.astype(float).tolist(), "bits": halves.view(np.uint16).tolist(),
               "cosine": float(halves[0].astype(float) @ halves[1].astype(float) / lengths[0] / lengths[1])}, f)
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund apache-arrow@21.2.0
cat > main.js <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Float16, tableFromIPC, vectorFromArray } from "apache-arrow";

const wanted = JSON.parse(readFileSync("wanted.json"));
const table = tableFromIPC(readFileSync("features.arrow"));
const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const rows = (name, read) => [0, 1, 2].map((i) => read(table.getChild(name).get(i)));

const bits = rows("half", (row) => Array.from(row.toArray()));
const numbers = rows("half", (row) => Array.from(Float32Array.from(row)));
const single = rows("single", (row) => Array.from(row.toArray()));
console.log(`the first vector: ${numbers[0].slice(0, 3)}, by toArray() ${bits[0].slice(0, 3)}`);
console.log(`cosine of two vectors: ${cosine(numbers[0], numbers[1]).toFixed(3)}, of float32 ${cosine(single[0], single[1]).toFixed(3)},`,
  `by toArray() ${cosine(bits[0], bits[1]).toFixed(3)}`);
assert.deepEqual(numbers, wanted.half);
assert(Math.abs(cosine(numbers[0], numbers[1]) - wanted.cosine) < 1e-6 && Math.abs(wanted.cosine) < 0.15);
assert(Math.abs(cosine(single[0], single[1]) - wanted.cosine) < 1e-3);
assert.deepEqual(bits, wanted.bits, "it changed");
assert(cosine(bits[0], bits[1]) > 0.8, "it changed");

const column = table.getChild("number");
console.log(`a column: ${JSON.stringify([...column])}, by toArray() ${column.toArray()}`);
assert.deepEqual([...column], [1.5, null, -2]);
assert.deepEqual(column.toArray(), Uint16Array.of(15872, 0, 49152), "it changed");
assert.deepEqual(vectorFromArray([1.5, -2, 65504], new Float16()).toArray(), Uint16Array.of(15872, 49152, 31743), "it changed");
JS
node main.js
