#!/usr/bin/env bash
# upng-js 2.1.0 (npm): greys of 1, 2 and 4 bits are sheared, unless each row ends with a byte.
#
# One would guess: UPNG.toRGBA8() gives the pixels of any PNG, however wide it is: its README names grey, and 1, 2 and 4 bits. Each
# row of a PNG begins with a byte of its own, so that a row of 9 pixels of 1 bit has 7 bits after it that mean nothing.
# What happens, without an error: grey takes bit after bit from the first row to the last, and so these 7 bits are pixels. Each row is
# by 7 further to the right than the one above it, what leaves at the right comes in one row below, and the last rows are missing: an
# upright line becomes scattered dots. Palettes of as many bits, and widths of whole bytes, are right.
# Who is hurt: those who read scans, masks, plots and text in the browser: black and white and a few greys are what PNGs are made of by
# tools that make them small; pictures of 8, 16 or 32 pixels, which icons and tests have, do not show it.
# Remedy: pngjs 7.0.0 reads them; or unpack the rows of decode(...).data oneself, each Math.ceil(width * depth / 8) bytes long.
# Seen on 2026-12-01, with Node 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts upng-js@2.1.0 pngjs@7.0.0
cat > main.js <<'JS'
import assert from 'node:assert'
import zlib from 'node:zlib'
import { PNG } from 'pngjs'
import UPNG from 'upng-js'

const rows = 9

function chunk(name, data) {
  const named = Buffer.concat([Buffer.from(name), data])
  const ends = [Buffer.alloc(4), Buffer.alloc(4)]
  ends[0].writeUInt32BE(data.length)
  ends[1].writeUInt32BE(crc(named))
  return Buffer.concat([ends[0], named, ends[1]])
}

function crc(bytes) {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let i = 0; i < 8; i++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  }
  return (sum ^ 0xffffffff) >>> 0
}

// The picture has a white line at its left, on black.
function picture(width, depth, palette) {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, rows, depth, palette ? 3 : 0, 0, 0, 0])
  const bits = '1'.repeat(depth).padEnd(Math.ceil(width * depth / 8) * 8, '0')
  const row = [0, ...bits.match(/.{8}/g).map(byte => parseInt(byte, 2))]
  const colours = Array.from({ length: 3 << depth }, (_, i) => i < (3 << depth) - 3 ? 0 : 255)
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', Buffer.from(colours))] : []),
    chunk('IDAT', zlib.deflateSync(Buffer.from(Array(rows).fill(row).flat()))), chunk('IEND', Buffer.alloc(0))])
}

const lines = (rgba, width) => Array.from({ length: rows }, (_, y) =>
  Array.from({ length: width }, (_, x) => rgba[(y * width + x) * 4] ? '#' : '.').join(''))

for (const depth of [1, 2, 4]) {
  for (const [width, palette] of [[9, false], [8, false], [9, true]]) {
    const file = picture(width, depth, palette)
    const wanted = Array(rows).fill('#'.padEnd(width, '.'))
    assert.deepStrictEqual(lines(PNG.sync.read(file).data, width), wanted)
    const decoded = UPNG.decode(file.buffer.slice(file.byteOffset, file.byteOffset + file.length))
    const seen = lines(new Uint8Array(UPNG.toRGBA8(decoded)[0]), width)
    // Pixels beside one another, each row as long as its bytes have room for.
    const stream = '#'.padEnd(Math.ceil(width * depth / 8) * 8 / depth, '.').repeat(rows)
    const sheared = wanted.map((_, y) => stream.slice(y * width, (y + 1) * width))
    console.log(`${depth} bits, ${width} pixels wide, ${palette ? 'palette' : 'grey'}:\n${seen.join('\n')}`)
    const right = palette || width === 8
    assert.deepStrictEqual(seen, right ? wanted : sheared, 'it changed')
    assert(right || seen.join() !== wanted.join())
  }
}
JS
node main.js
