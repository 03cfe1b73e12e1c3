// Reads the datasets of a SPEC (see testdata/python/check_readers.py) with hyparquet: the files of
// data/, whose every value is compared to the bit, and the directory itself, which must be refused.
//
//   node check_readers.mjs SPEC MODULES
//
// MODULES is the node_modules directory.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [specs, modules] = process.argv.slice(2)
const load = name => import(pathToFileURL(createRequire(path.join(modules, 'x.js')).resolve(name)))
const { asyncBufferFromFile, parquetReadObjects } = await load('hyparquet')
const { compressors } = await load('hyparquet-compressors')

const bits = values => Buffer.from(Float32Array.from(values).buffer)

function fail (message) {
  console.error(message)
  process.exit(1)
}

async function read (file) {
  return parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })
}

for (const spec of JSON.parse(fs.readFileSync(specs))) {
  const expected = JSON.parse(fs.readFileSync(path.join(spec.expected, 'expected.json')))
  const data = path.join(spec.dataset, 'data')
  const rows = []
  for (const file of fs.readdirSync(data).sort()) rows.push(...await read(path.join(data, file)))
  if (rows.length !== expected.rows.length) fail(`${spec.name}: ${rows.length} rows instead of ${expected.rows.length}`)
  rows.forEach((row, i) => {
    if (row.path !== expected.rows[i].path) fail(`${spec.name}: row ${i} is ${row.path} instead of ${expected.rows[i].path}`)
  })
  expected.layers.forEach((layer, n) => {
    const want = fs.readFileSync(path.join(spec.expected, `${n}.f32`))
    if (!Buffer.concat(rows.map(row => bits(row[layer.name]))).equals(want)) fail(`${spec.name}: ${layer.name} differs`)
  })
  let refused = false
  try {
    await read(spec.dataset)
  } catch {
    refused = true
  }
  if (!refused) fail(`${spec.name}: the directory is read as a file`)
  console.log(`${spec.name}: hyparquet reads ${rows.length} rows right and refuses the directory`)
}
