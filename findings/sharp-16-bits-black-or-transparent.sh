#!/usr/bin/env bash
# sharp 0.35.5 (npm, libvips 8.18.7): thresholds, dilation, masks and unflatten make 16-bit pictures black or transparent.
#
# One would guess: a PNG gives the same result whether it has 8 bits a sample or the same values in 16 (each times 257): sharp
# makes 8 bits of its output anyway, and for most operations the two are the same.
# What happens, without an error, to 16 bits:
#   1. threshold(150, { greyscale: false }), dilate(1) and erode(1) make the whole picture black: they give samples from 0 to
#      255, of 65535.
#   2. unflatten(), which is to make white transparent, makes all of it transparent.
#   3. joinChannel() with a white mask of 8 bits, which is to be opaque, makes all of it transparent. A mask of 16 bits makes
#      the colours of an 8-bit picture black.
#   4. boolean() with white of 8 bits and "and", which is to change nothing, makes it black.
# Who is hurt: servers that cut objects out, mask and binarize pictures that users send: scans, renderings, exports of scientific
# and photo software are often PNGs or TIFFs of 16 bits; and thumbnails of them are empty.
# Remedy: make 8 bits of a picture and of its mask before: sharp(await sharp(input).png().toBuffer()).
# Seen on 2026-11-30, with Node 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund sharp@0.35.5 fast-png@8.0.0
cat > main.js <<'JS'
import assert from "node:assert";
import { decode, encode } from "fast-png";
import sharp from "sharp";

sharp.concurrency(1);
const [width, height] = [16, 12];

// png encodes samples of 8 bits as they are, or as the same in 16 bits.
function png(samples, depth) {
  const channels = samples.length / width / height;
  const data = depth === 8 ? Uint8Array.from(samples) : Uint16Array.from(samples, (v) => 257 * v);
  return Buffer.from(encode({ width, height, channels, depth, data }));
}

// All pixels are opaque and of a colour of their own, but the first four rows, which are white.
const colours = [];
for (let i = 0; i < width * height; i++) {
  const own = [40 + i, 250 - i, (i * 89) % 251];
  colours.push(...(i < 4 * width ? [255, 255, 255] : own));
}
const white = new Array(width * height).fill(255);
const operations = {
  negate: (image) => image.negate(),
  threshold: (image) => image.threshold(150),
  tint: (image) => image.tint("#fa0"),
  colourThreshold: (image) => image.threshold(150, { greyscale: false }),
  dilate: (image) => image.dilate(1),
  erode: (image) => image.erode(1),
  unflatten: (image) => image.unflatten(),
  joinMask: (image) => image.joinChannel(png(white, 8)),
  and: (image) => image.boolean(png([...white, ...white, ...white], 8), "and"),
};
const alike = ["negate", "threshold", "tint"];

// What the results are by arithmetic, of the operations that need no more than the pixel itself.
const wanted = {
  negate: (p) => p.map((v) => 255 - v),
  colourThreshold: (p) => p.map((v) => (v >= 150 ? 255 : 0)),
  unflatten: (p) => [...p, p.every((v) => v === 255) ? 0 : 255],
  joinMask: (p) => [...p, 255],
  and: (p) => p,
};

function pixels(data, channels) {
  return Array.from({ length: data.length / channels }, (_, i) => Array.from(data.slice(i * channels, (i + 1) * channels)));
}

async function result(image) {
  const { data, channels, depth } = decode(await image.png().toBuffer());
  assert.equal(depth, 8);
  return pixels(data, channels);
}

for (const [name, operation] of Object.entries(operations)) {
  const eight = await result(operation(sharp(png(colours, 8))));
  const sixteen = await result(operation(sharp(png(colours, 16))));
  const remedied = await result(operation(sharp(await sharp(png(colours, 16)).png().toBuffer())));
  console.log(`${name}: the last pixel is ${eight.at(-1)} for 8 bits, ${sixteen.at(-1)} for 16`);
  if (wanted[name]) {
    assert.deepEqual(eight, pixels(colours, 3).map(wanted[name]));
  }
  assert.deepEqual(remedied, eight);
  if (alike.includes(name)) {
    assert.deepEqual(sixteen, eight, "it changed");
  } else if (["unflatten", "joinMask"].includes(name)) {
    assert(sixteen.every((p) => p[3] === 0), "it changed");
  } else {
    assert(new Set(eight.flat()).size > 1);
    assert(sixteen.flat().every((v) => v === 0), "it changed");
  }
}

const masked = await result(sharp(png(colours, 8)).joinChannel(png(white, 16)));
console.log(`a 16-bit mask joined to 8 bits: the last pixel is ${masked.at(-1)} instead of ${colours.slice(-3)},255`);
assert(masked.every(([r, g, b, a]) => r === 0 && g === 0 && b === 0 && a === 255), "it changed");
JS
node main.js
