#!/usr/bin/env bash
# image-js 1.7.0 (npm): PNGs of black and white lose pixels of every row, and palettes of few bits are sheared.
#
# One would guess: decode() gives the pixels of PNGs of 1, 2, 4 and 8 bits, or an error, as for greys of 2 and 4 bits. Each row of a PNG begins
# with a byte of its own, and the bits left over are at its end.
# What happens, without an error:
#   1. Grey of 1 bit: the bits are taken for left over in the first byte of each row instead of the last. Of a row of 13 pixels, those from 5 to
#      7 are missing, and three that mean nothing are at its end; where the width is a multiple of 8, all eight of the first byte are
#      missing, rows run into one another, and the end of the picture is black. Only up to 7 pixels are right.
#   2. Palettes of 1, 2 and 4 bits are read bit after bit, so that what is left over are pixels. Unless rows end with a byte, each is further
#      to the right than the one above it.
#   3. The transparent colour (tRNS) of greys and of red, green and blue is opaque. That of palettes is transparent.
# Who is hurt: those who read scans, masks, plots and screenshots in the browser and in Node: black and white, and palettes of 16 colours, are
# what tools that make PNGs small write. Labels of segmentation, as palettes, belong to other pixels, and areas and counts are wrong.
# Remedy: pngjs 7.0.0 or sharp 0.35.5, and new Image(width, height, { data, colorModel: 'RGBA' }).
# Seen on 2026-12-01, with Node 20 (and fast-png 8.0.0, which it brings).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts image-js@1.7.0 fast-png@8.0.0 pngjs@7.0.0
cat > main.js <<'JS'
import assert from 'node:assert'
import { crc32, deflateSync } from 'node:zlib'
import { decode } from 'image-js'
import { PNG } from 'pngjs'

const rows = 6
const white = new Set([0, 1, 6]) // the columns of a picture on black

function chunk(name, data) {
  const head = Buffer.alloc(4)
  const tail = Buffer.alloc(4)
  const named = Buffer.concat([Buffer.from(name), data])
  head.writeUInt32BE(data.length)
  tail.writeUInt32BE(crc32(named))
  return Buffer.concat([head, named, tail])
}

/** Each row is the same: so many bits, filled up with zeros to whole bytes. */
function picture(width, depth, colourType, samples, chunks = []) {
  const bits = samples.map(sample => sample.toString(2).padStart(depth, '0')).join('')
  const row = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0')
  const bytes = [0, ...row.match(/.{8}/g).map(byte => parseInt(byte, 2))]
  return {
    row,
    file: Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', Buffer.from([0, 0, 0, width, 0, 0, 0, rows, depth, colourType, 0, 0, 0])), ...chunks,
      chunk('IDAT', deflateSync(Buffer.from(Array(rows).fill(bytes).flat()))), chunk('IEND', Buffer.alloc(0))]),
  }
}

const columns = width => Array.from({ length: width }, (_, x) => white.has(x) ? 1 : 0)
const cut = (text, width) => Array.from({ length: rows }, (_, y) => text.slice(y * width, (y + 1) * width).padEnd(width, '.'))
const lines = (rgba, width) => cut(Array.from({ length: width * rows }, (_, i) => rgba[4 * i] ? '#' : '.').join(''), width)
const drawn = bits => bits.replaceAll('0', '.').replaceAll('1', '#')

function check(name, file, width, expected, isRight) {
  const wanted = lines(PNG.sync.read(file).data, width)
  assert.deepStrictEqual(wanted, Array(rows).fill(drawn(columns(width).join(''))))
  const seen = lines(decode(file).convertColor('RGBA').getRawImage().data, width)
  console.log(`${name}, ${width} pixels wide:`)
  wanted.forEach((line, y) => console.log(line, seen[y]))
  assert.deepStrictEqual(seen, isRight ? wanted : expected, 'it changed')
  assert.equal(isRight, wanted.join() === seen.join())
}

// 1.
for (const width of [7, 13, 16]) {
  const { row, file } = picture(width, 1, 0, columns(width))
  const taken = row.slice(0, width % 8) + row.slice(8)
  check('grey of 1 bit', file, width, cut(drawn(taken.repeat(rows)), width), width < 8)
}

// 2.
for (const depth of [1, 2, 4]) {
  for (const width of [13, 16]) {
    const colours = Buffer.from(Array.from({ length: 2 ** depth }, (_, i) => Array(3).fill(i === 1 ? 255 : 0)).flat())
    const { row, file } = picture(width, depth, 3, columns(width), [chunk('PLTE', colours)])
    const all = row.repeat(rows).match(new RegExp(`.{${depth}}`, 'g')).map(bits => parseInt(bits, 2) === 1 ? '#' : '.').join('')
    check(`palette of ${depth} bits`, file, width, cut(all, width), width === 16)
  }
}

// 3.
for (const [colourType, samples, transparent, seen] of [[0, [0, 200], [0, 200], 255], [2, [0, 0, 0, 9, 8, 7], [0, 9, 0, 8, 0, 7], 255]]) {
  const { file } = picture(2, 8, colourType, samples, [chunk('tRNS', Buffer.from(transparent))])
  const [right, other] = [PNG.sync.read(file).data, decode(file).convertColor('RGBA').getRawImage().data].map(data => [data[3], data[7]])
  console.log(`alpha with a transparent colour: ${right}, by image-js ${other}`)
  assert.deepStrictEqual(right, [255, 0])
  assert.deepStrictEqual(other, [255, seen], 'it changed')
}
JS
node main.js
