#!/usr/bin/env bash
# dcmjs-imaging 0.2.4 (npm): pictures with LINEAR_EXACT are half as bright, with small slopes white, with negative ones black.
#
# One would guess: render() rescales the stored values by RescaleSlope and RescaleIntercept, then applies the window by the formula
# of its VOILUTFunction in DICOM's part 3, C.11.2.1, as pydicom does, with samples as PixelRepresentation has them.
# What happens:
#   1. LINEAR_EXACT lacks the 0.5 of its formula: the window's centre is 0 instead of 127, everything below is black, and its upper
#      end is 127. LINEAR and SIGMOID are right. There is no error.
#   2. A RescaleSlope below 0.1, which all negative ones are, is made 1, and the intercept is divided by it, but the window is
#      left as it is, in the units of before. PET and parametric maps, with slopes of 0.05, are mostly white; what is stored
#      with a slope of -1 is black. It logs that the slope was close to zero.
#   3. Signed samples of 8 bits are taken for unsigned ones: -1 is white.
# Its README says that it handles signed values of 1 to 32 bits, and that it is not meant for clinical purposes yet.
# Who is hurt: web viewers, and servers that make JPEGs of studies for a network or an archive: whole modalities come out white, black
# or dark, and a classifier learns the modality's scaling.
# Remedy: give a window of one's own for stored values with slope 1 and intercept 0; for LINEAR_EXACT, LINEAR with a centre larger by
# 0.5 and a width larger by 1.
# Seen on 2026-11-30, with Node 20, pydicom 3.0.2 and NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_rescale, apply_windowing
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

ramp = np.linspace(0, 4095, 64).round().astype("<u2").reshape(8, 8)
cases = {
    "LINEAR": (ramp, 1, 0, 2048, 4096),
    "SIGMOID": (ramp, 1, 0, 2048, 1024),
    "LINEAR_EXACT": (ramp, 1, 0, 2048, 4096),
    "slope 0.2": (ramp, 0.2, 0, 409.5, 820),
    "slope 0.05": (ramp, 0.05, 0, 102.4, 205),
    "slope -1": (ramp, -1, 4095, 2048, 4096),
    "signed 8 bits": (np.arange(-128, 128, 4, dtype=np.int8).reshape(8, 8), 1, 0, 0, 256),
}
wanted = {}
for name, (samples, slope, intercept, center, width) in cases.items():
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 8, 8, 1, "MONOCHROME2"
    ds.BitsAllocated = 8 * samples.itemsize
    ds.BitsStored = 8 if samples.itemsize == 1 else 12
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(samples.dtype.kind == "i")
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = slope, intercept, center, width
    ds.VOILUTFunction = name if name.isupper() else "LINEAR"
    ds.PixelData = samples.tobytes()
    ds["PixelData"].VR = "OW"
    ds.save_as(f"{name}.dcm", enforce_file_format=True)
    values = apply_rescale(samples, ds)
    seen = apply_windowing(values, ds)
    # pydicom's values range over what the samples can be after the rescale; a picture's from 0 to 255.
    ends = np.array([-2 ** (ds.BitsStored - 1), 2 ** (ds.BitsStored - 1) - 1] if ds.PixelRepresentation else [0, 2 ** ds.BitsStored - 1])
    low, high = sorted(ends * slope + intercept)
    picture = (seen - low) / (high - low) * 255
    share = (values - center) / width + 0.5
    if name == "SIGMOID":
        formula = 1 / (1 + np.exp(-4 * (values - center) / width))
    elif name == "LINEAR_EXACT":
        formula = np.clip(share, 0, 1)
    else:
        formula = np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    if slope > 0:  # pydicom has its own way with negative slopes
        assert np.abs(picture - formula * 255).max() < 0.01, name
    wanted[name] = (formula * 255).ravel().tolist()
with open("wanted.json", "w") as f:
    json.dump(wanted, f)
PYTHON
cat > package.json <<'JSON'
{"name": "finding", "version": "0.0.0", "private": true, "type": "module"}
JSON
npm install --silent --no-audit --no-fund dcmjs-imaging@0.2.4
cat > main.js <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import imaging from "dcmjs-imaging";

const wanted = JSON.parse(readFileSync("wanted.json"));
const clamp = (v) => Math.max(0, Math.min(255, v));
const checks = {
  LINEAR_EXACT: (got, right) => got.every((v, i) => Math.abs(v - clamp(right[i] - 127.5)) <= 1.5),
  "slope 0.05": (got) => got.filter((v) => v === 255).length > 55,
  "slope -1": (got) => got.every((v) => v <= 1),
  "signed 8 bits": (got) => got.slice(0, 32).every((v) => v === 255) && got[32] < 130,
};
const failed = [];
for (const [name, right] of Object.entries(wanted)) {
  const file = readFileSync(`${name}.dcm`);
  const image = new imaging.DicomImage(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
  const rgba = new Uint8Array(image.render({ frame: 0 }).pixels);
  const got = Array.from({ length: 64 }, (_, i) => rgba[4 * i]);
  const some = [0, 16, 32, 48, 63];
  console.log(`${name}: ${some.map((i) => got[i])}, by the standard ${some.map((i) => Math.round(right[i]))}`);
  const seen = checks[name] ?? ((g, r) => g.every((v, i) => Math.abs(v - r[i]) <= 1.5));
  if (!seen(got, right)) {
    failed.push(name);
  }
}
assert.deepEqual(failed, [], "it changed");
JS
node main.js
