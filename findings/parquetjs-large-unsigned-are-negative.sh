#!/usr/bin/env bash
# @dsnp/parquetjs 1.8.8 (npm): unsigned integers of 32 and 64 bits come as negative ones, half floats and decimals as bytes.
#
# One would guess: a column of UINT_64 or UINT_32, which its README lists among the types, has the numbers that were written, or is refused, as
# are encodings that it does not have ("invalid encoding: DELTA_BINARY_PACKED").
# What happens, without an error or a warning:
#   1. From the middle of the range on, numbers are read as if they had a sign: 18446744073709551615n is -1n, and 4294967295 is -1. So they
#      are in lists. It writes none of them either, but says so (ERR_OUT_OF_RANGE). 8 and 16 bits are right.
#   2. Half floats are Buffers of two bytes, and decimals of pyarrow those of their digits; + makes text of them.
# Who is hurt: those who look up pictures by perceptual hashes and other hashes of 64 bits, seeds and identifiers in Node: half of them have
# other names than in Python, Go or DuckDB, joins find nothing, and what is sorted by them has another order.
# Remedy: BigInt.asUintN(64, x) and x >>> 0; or hyparquet 1.33.0, which reads all of them right.
# Seen on 2026-12-01, with Node 20, pyarrow 26.0.1 and NumPy 2.4.6, which write the file.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

large = [1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
pq.write_table(pa.table({
    "u64": pa.array(large, pa.uint64()), "u32": pa.array([v % 2**32 for v in large], pa.uint32()), "u16": pa.array([65535] * 7, pa.uint16()),
    "u8": pa.array([255] * 7, pa.uint8()), "list": pa.array([[v] for v in large], pa.list_(pa.uint64())),
    "half": pa.array(np.full(7, 1.5, np.float16)), "decimal": pa.array([decimal.Decimal("1.25")] * 7, pa.decimal128(9, 2))}), "x.parquet")
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund @dsnp/parquetjs@1.8.8 hyparquet@1.33.0
cat > main.js <<'JS'
import assert from "node:assert";
import parquet from "@dsnp/parquetjs";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

const right = await parquetReadObjects({ file: await asyncBufferFromFile("x.parquet") });
const reader = await parquet.ParquetReader.openFile("x.parquet");
const cursor = reader.getCursor();
const large = [1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
for (const [i, number] of large.entries()) {
  const row = await cursor.next();
  const low = Number(number % 2n ** 32n);
  console.log(`64 bits: ${number} is read as ${row.u64}; 32 bits: ${low} as ${row.u32}`);
  assert(right[i].u64 === number && right[i].u32 === low && right[i].list[0] === number);
  assert(right[i].half === 1.5 && right[i].decimal === 1.25);
  assert.equal(row.u64, BigInt.asIntN(64, number), "it changed");
  assert.equal(row.u32, low | 0, "it changed");
  assert.equal(row.list.list[0].element, BigInt.asIntN(64, number), "it changed");
  assert(row.u16 === 65535 && row.u8 === 255);
  assert.deepEqual([[...row.half], [...row.decimal]], [[0x00, 0x3e], [0, 0, 0, 125]], "it changed");
}
await reader.close();

const schema = new parquet.ParquetSchema({ u32: { type: "UINT_32" } });
const writer = await parquet.ParquetWriter.openFile(schema, "own.parquet");
await writer.appendRow({ u32: 2 ** 31 });
await assert.rejects(() => writer.close(), { code: "ERR_OUT_OF_RANGE" });
JS
node main.js
