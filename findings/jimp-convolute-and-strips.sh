#!/usr/bin/env bash
# jimp 1.6.1 (npm): convolute() applies kernels with rows and columns exchanged, and strips of one pixel are resized to nothing.
#
# One would guess: convolute(kernel) is convolution({ kernel }) by an older name: a kernel is written as its rows, so that Sobel's,
# with -1, -2, -1 in its left column and 1, 2, 1 in its right one, finds upright edges; and a white picture that is resized
# stays white.
# What happens, without an error:
#   1. convolute() takes kernel[x][y], convolution() kernel[y][x]. By convolute(), the kernel for upright edges finds level ones, and
#      of an upright edge nothing. The kernels in its documentation are symmetric, so that it does not show.
#   2. resize() by bicubicInterpolation, hermiteInterpolation and bezierInterpolation makes transparent black of all pictures that
#      are one pixel high, and darkens the ends of those that are one pixel wide. The default and bilinear are right.
# Who is hurt: those who sharpen, emboss or look for edges and lines in one direction (barcodes, tables, tilted text), and those
# who read lines, gradients and colour bars of one pixel.
# Remedy: convolution({ kernel }), or the kernel transposed; the default for strips.
# Seen on 2026-11-30, with Node 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund jimp@1.6.1
cat > main.js <<'JS'
import assert from "node:assert";
import { Jimp, ResizeStrategy } from "jimp";

const size = 7;
const transposed = (m) => m[0].map((_, i) => m.map((row) => row[i]));
const upright = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]];

// edge is black, and white from a column or a row on.
function edge(isUpright) {
  const image = new Jimp({ width: size, height: size, color: 0x000000ff });
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if ((isUpright ? x : y) >= 4) {
        image.setPixelColor(0xffffffff, x, y);
      }
    }
  }
  return image;
}

// inner gives the red of all pixels but those at the border.
function inner(data, channels) {
  const out = [];
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      out.push(data[(y * size + x) * channels]);
    }
  }
  return out;
}

// weighted is the sum of each pixel's neighbours by a kernel's rows, in the range of bytes.
function weighted(image, kernel) {
  const out = [];
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      let sum = 0;
      for (let i = 0; i < 9; i++) {
        const [row, column] = [Math.floor(i / 3), i % 3];
        sum += kernel[row][column] * image.bitmap.data[((y + row - 1) * size + x + column - 1) * 4];
      }
      out.push(Math.max(0, Math.min(255, sum)));
    }
  }
  return out;
}

for (const isUpright of [true, false]) {
  const image = edge(isUpright);
  for (const kernel of [upright, transposed(upright)]) {
    const old = inner(image.clone().convolute(kernel).bitmap.data, 4);
    const named = inner(image.clone().convolution({ kernel }).bitmap.data, 4);
    const other = weighted(image, kernel);
    const bright = (values) => values.filter((v) => v === 255).length;
    console.log(`${isUpright ? "upright" : "level"} edge, kernel for ${kernel === upright ? "upright" : "level"} ones: bright are`,
      `${bright(named)} pixels by convolution(), ${bright(other)} by arithmetic, ${bright(old)} by convolute()`);
    assert.deepEqual(named, other);
    assert.equal(bright(named) > 0, isUpright === (kernel === upright));
    assert.deepEqual(old, weighted(image, transposed(kernel)), "it changed");
  }
}

const white = (width, height) => new Jimp({ width, height, color: 0xffffffff });
const least = (image) => Math.min(...image.bitmap.data);
for (const mode of [undefined, ...Object.values(ResizeStrategy)]) {
  const options = mode ? { mode } : {};
  const [low, narrow, square] = [[8, 1], [1, 8], [8, 8]].map(([w, h]) => white(w, h).resize({ w: 16, h: 16, ...options }));
  console.log(`${mode ?? "default"}: white stays at least ${least(low)}, ${least(narrow)} and ${least(square)}, if 8 by 1, 1 by 8 and 8 by 8`);
  assert.equal(least(square), 255);
  if (["bicubicInterpolation", "hermiteInterpolation", "bezierInterpolation"].includes(mode)) {
    assert(low.bitmap.data.every((v) => v === 0) && least(narrow) < 150, "it changed");
  } else {
    assert(least(low) === 255 && least(narrow) === 255, "it changed");
  }
}
JS
node main.js
