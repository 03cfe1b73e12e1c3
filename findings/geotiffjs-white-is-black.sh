#!/usr/bin/env bash
# geotiff 3.0.5 (npm, geotiff.js): readRGB() shows the white of a WhiteIsZero TIFF as black.
#
# One would guess: where PhotometricInterpretation is 0, zero is white, which readRGB gives as 255, 255, 255: it is the call
# that turns whatever a file holds into colours.
# What happens: it computes 256 - sample / 2^bits * 256 and stores that in bytes. For zero that is 256, which a byte holds as
# 0: what is purely white is black, while the grey beside it is nearly white. So it is with 8 and with 16 bits. BlackIsZero
# is right. There is no error.
# Who is hurt: map viewers and classifiers in the browser or in Node that read scans of maps, plans and faxes in grey, which
# scanners often write as WhiteIsZero: the paper is as black as the lines on it, and only their soft edges are bright.
# Remedy: readRasters() and 255 - sample.
# Seen on 2026-11-30, with Node 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tifffile==2026.3.3 numpy==2.4.6 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
import tifffile
from PIL import Image

ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
for name, photometric in (("white", "miniswhite"), ("black", "minisblack")):
    tifffile.imwrite(f"{name}-8.tif", ramp, photometric=photometric)
    tifffile.imwrite(f"{name}-16.tif", ramp.astype(np.uint16) * 256, photometric=photometric)
assert (np.asarray(Image.open("white-8.tif").convert("L")) == 255 - ramp).all()  # what others make of it
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund geotiff@3.0.5
cat > main.js <<'JS'
import assert from "node:assert";
import { fromFile } from "geotiff";

async function row(name) {
  const file = await fromFile(name);
  const rgb = await (await file.getImage()).readRGB({ interleave: true });
  await file.close();
  return Array.from({ length: 256 }, (_, x) => rgb[3 * x]);
}

for (const bits of [8, 16]) {
  const white = await row(`white-${bits}.tif`);
  const black = await row(`black-${bits}.tif`);
  console.log(`${bits} bits, WhiteIsZero: zero is shown as ${white[0]}, the samples after it as ${white.slice(1, 4)}`);
  assert.deepEqual(black, [...Array(256).keys()], "it changed");
  assert.deepEqual(white, [0, ...Array.from({ length: 255 }, (_, i) => 255 - i)], "it changed");
}
JS
node main.js
