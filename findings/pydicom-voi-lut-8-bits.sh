#!/usr/bin/env bash
# pydicom 3.0.2: a VOI lookup table with entries of 8 bits is applied modulo 256.
#
# One would guess: apply_voi_lut() looks each pixel up in the table, and gives those above its end the last entry, as the
# standard says (PS3.3 C.11.2.1.1), whatever the depth of the entries. 8 bits are one of the two depths that this section
# asks for in images.
# What happens: the pixels' places in the table are kept in an array of the type of its entries. With entries of 8 bits place
# 256 is place 0 again: an image of 12 bits has the first 256 entries sixteen times over, like contour lines, whether the
# table has 256 entries (a window) or 4096. There is no error. Entries of 10 to 16 bits are right.
# Who is hurt: those who make pictures and training data of X-rays, mammograms and ultrasound with apply_voi_lut.
# Remedy: make a copy of the data set in which the third value of LUTDescriptor is 16; the entries remain as they are.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def image(first, entries, depth):
    """A file with all values of 12 bits, and its table."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = np.arange(4096, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [entries, first, depth])
    table.add_new("LUTData", "US", [255 * i // (entries - 1) for i in range(entries)])
    ds.VOILUTSequence = [table]
    ds.save_as("image.dcm", enforce_file_format=True)
    return dcmread("image.dcm")


for first, entries in ((0, 4096), (1000, 256)):
    for depth in (8, 16):
        ds = image(first, entries, depth)
        stored = ds.pixel_array.astype(int)
        table = np.array(ds.VOILUTSequence[0].LUTData)
        place = np.maximum(stored - first, 0)
        wanted = table[np.minimum(place, entries - 1)]
        got = apply_voi_lut(ds.pixel_array, ds)
        print(f"{entries} entries of {depth} bits from {first} on: {100 * (got != wanted).mean():.0f} % of the pixels are wrong,"
              f" the brightest is {got[-1, -1]} instead of {wanted[-1, -1]}")
        assert (got == (table[place % 256] if depth == 8 else wanted)).all(), "it changed"
PYTHON
