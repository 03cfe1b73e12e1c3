#!/usr/bin/env bash
# utif2 4.1.0 (npm), by which Jimp 1.6.1 reads TIFFs: planes lose green and blue, 16-bit grey with alpha loses half, other samples are alpha.
#
# One would guess: UTIF.toRGBA8() gives the same pixels whether a TIFF holds its colours in planes or interleaved, and alpha where the
# file says that it has some (ExtraSamples 1 or 2); or what it does not know is refused, as are five samples.
# What happens, without an error:
#   1. Colours in planes (PlanarConfiguration 2), of 8 and 16 bits, in strips or tiles: three neighbours of the red plane are taken for red,
#      green and blue of one pixel, and the lower two thirds of the picture are black. Some such files make it log numbers.
#   2. Grey of 16 bits with alpha: each alpha counts as a pixel of its own, and the right half of each row is lost.
#   3. Grey of 8 bits with alpha is opaque.
#   4. A fourth sample that is said to be no alpha (ExtraSamples 0), such as infrared, is alpha: where it is 0, the picture is gone.
# Who is hurt: viewers and thumbnails of microscopy, aerial and medical images in the browser and in Node, also by Jimp: planes, 16 bits and
# channels beside red, green and blue are usual there.
# Remedy: sharp (npm) reads all of them; or write them anew, interleaved, without more samples.
# Seen on 2026-12-01, with Node 20, tifffile 2026.3.3 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
import tifffile

# 4 rows of 6 pixels. What is wanted and what is seen, as RGBA.
red = np.arange(24, dtype=np.uint8).reshape(4, 6) * 4
colours = np.stack([red, red + 1, red + 2], axis=-1)
alpha = np.full((4, 6), 128, np.uint8)
opaque = np.full((4, 6), 255, np.uint8)
tests = []


def write(name, samples, wanted, seen, **options):
    wanted, seen = (np.dstack(p).astype(np.uint8) for p in (wanted, seen))
    for bits, values in ((8, samples), (16, samples.astype(np.uint16) * 257)):
        if bits == 8 or name != "grey-alpha":
            tests.append({"name": f"{name}-{bits}.tif", "wanted": wanted.ravel().tolist(), "seen": seen.ravel().tolist()})
        else:
            # 2. Greys and alphas by turns.
            row = np.stack([red, alpha], axis=-1).reshape(4, 12)[:, :6]
            tests.append({"name": f"{name}-{bits}.tif", "wanted": wanted.ravel().tolist(),
                          "seen": np.dstack([row, row, row, opaque]).ravel().tolist()})
        tifffile.imwrite(tests[-1]["name"], values, **options)


first = red.ravel()
stretched = np.concatenate([first, np.zeros(48, np.uint8)]).reshape(4, 6, 3)
write("interleaved", colours, (colours, opaque), (colours, opaque), photometric="rgb")
write("planes", np.moveaxis(colours, 2, 0), (colours, opaque), (stretched, opaque), photometric="rgb", planarconfig="separate")
write("alpha", np.dstack([colours, alpha]), (colours, alpha), (colours, alpha), photometric="rgb", extrasamples=["unassalpha"])
write("grey-alpha", np.dstack([red, alpha]), (red, red, red, alpha), (red, red, red, opaque), photometric="minisblack",
      extrasamples=["unassalpha"])
write("infrared", np.dstack([colours, alpha]), (colours, opaque), (colours, alpha), photometric="rgb", extrasamples=["unspecified"])
with open("tests.json", "w") as f:
    json.dump(tests, f)
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts utif2@4.1.0
cat > main.js <<'JS'
import assert from 'node:assert'
import fs from 'node:fs'
import UTIF from 'utif2'

for (const { name, wanted, seen } of JSON.parse(fs.readFileSync('tests.json'))) {
  const file = new Uint8Array(fs.readFileSync(name)).buffer
  const [page] = UTIF.decode(file)
  UTIF.decodeImage(file, page)
  const pixels = Array.from(UTIF.toRGBA8(page))
  console.log(`${name}: ${wanted.slice(0, 12)} ..., by utif2 ${pixels.slice(0, 12)} ...`)
  assert.deepStrictEqual(pixels, seen, 'it changed')
}
JS
node main.js
