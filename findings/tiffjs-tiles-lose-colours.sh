#!/usr/bin/env bash
# tiff 7.1.3 (npm), by which image-js 1.7.0 reads TIFFs: of a tiled one with colours or alpha, one stretched channel is left.
#
# One would guess: an RGB image has the same pixels whether the file keeps it in strips or in tiles; or tiles of colours are
# refused.
# What happens: of each tile, as many samples are read as it has pixels, and each is put into the first channel of the pixel
# of that number. So red holds red, green and blue of the pixels of the tile's first third, one after another, stretched
# to thrice their width; green and blue are 0, and alpha is 0 where there is one. So it is with 8 and with 16 bits, with
# and without compression, and with grey and alpha. Grey alone is right. There is no error.
# Who is hurt: those who read aerial images, slides of microscopes and cloud-optimized GeoTIFFs, which are nearly always tiled,
# by image-js: dark red stripes, or nothing visible at all, go into thumbnails and classifiers.
# Remedy: sharp (npm) reads these files, or write them anew in strips.
# Seen on 2026-11-30, with Node 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tifffile==2026.3.3 numpy==2.4.6 imagecodecs==2026.3.6 pillow==13.0.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
import tifffile
from PIL import Image

samples = np.random.default_rng(7).integers(0, 65536, (48, 64, 4), dtype=np.uint16)
kinds = {"grey": 1, "grey-alpha": 2, "rgb": 3, "rgba": 4}
for name, channels in kinds.items():
    for bits, image in ((8, (samples >> 8).astype(np.uint8)), (16, samples)):
        image = image[..., 0] if channels == 1 else image[..., :channels]
        options = {"photometric": "minisblack" if channels < 3 else "rgb"}
        if channels > 1:
            options["planarconfig"] = "contig"
        if channels in (2, 4):
            options["extrasamples"] = ["unassalpha"]
        tifffile.imwrite(f"{name}-{bits}-strips.tif", image, **options)
        tifffile.imwrite(f"{name}-{bits}-tiles.tif", image, tile=(16, 32), **options)
        tifffile.imwrite(f"{name}-{bits}-deflated.tif", image, tile=(16, 32), compression="zlib", **options)
        with open(f"{name}-{bits}.json", "w") as f:
            json.dump(image.ravel().tolist(), f)
        if name == "rgb" and bits == 8:
            assert (np.asarray(Image.open("rgb-8-tiles.tif")) == image).all()  # another reader
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund tiff@7.1.3 image-js@1.7.0
cat > main.js <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { readSync } from "image-js";
import { decode } from "tiff";

const [width, height, tileWidth, tileHeight] = [64, 48, 32, 16];

// stretched puts the first samples of each tile into the first channel, and 0 into the others.
function stretched(samples, channels) {
  const out = new Array(samples.length).fill(0);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [left, top] = [x - (x % tileWidth), y - (y % tileHeight)];
      const place = (y - top) * tileWidth + x - left; // in the tile, of pixels; taken for one of samples
      const pixel = Math.floor(place / channels);
      const from = (top + Math.floor(pixel / tileWidth)) * width + left + (pixel % tileWidth);
      out[(y * width + x) * channels] = samples[from * channels + (place % channels)];
    }
  }
  return out;
}

for (const [name, channels] of [["grey", 1], ["grey-alpha", 2], ["rgb", 3], ["rgba", 4]]) {
  for (const bits of [8, 16]) {
    const samples = JSON.parse(readFileSync(`${name}-${bits}.json`));
    for (const layout of ["strips", "tiles", "deflated"]) {
      const file = `${name}-${bits}-${layout}.tif`;
      const data = Array.from(decode(readFileSync(file))[0].data);
      const wrong = data.filter((v, i) => v !== samples[i]).length / samples.length;
      console.log(`${file}: ${(100 * wrong).toFixed(0)} % of the samples are wrong, the last pixel is ${data.slice(-channels)} instead of ${samples.slice(-channels)}`);
      assert.deepEqual(data, layout === "strips" ? samples : stretched(samples, channels), "it changed");
      assert.deepEqual(Array.from(readSync(file).getRawImage().data), data, "it changed");
    }
  }
}
JS
node main.js
