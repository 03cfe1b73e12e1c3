#!/usr/bin/env bash
# pydicom 3.0.2: apply_voi_lut() after a rescale makes pictures black (implicit VR) or negatives (RescaleSlope below 0).
#
# One would guess: apply_modality_lut() and then apply_voi_lut() give what DICOM says (PS3.3 C.11.2.1): a table is the same in
# implicit and explicit VR, and of two pixels the one with the larger rescaled value is never the darker one in a window.
# What happens, without an error:
#   1. With an intercept such as CT's -1024, a table for rescaled values begins below 0, so LUTDescriptor holds signed numbers.
#      In implicit VR nothing but the rescale says so; pydicom goes by PixelRepresentation, reads -1000 as 64536, and gives
#      each pixel the first entry: the picture is black. So it does with int32, and with the floats that apply_modality_lut()
#      gives, of which a warning always says that tables may be wrong; int16 ends in an OverflowError. The same data set in
#      explicit VR is right.
#   2. With a negative slope, the ends of the range are swapped as well: apply_windowing() gives the largest values the lowest
#      brightness. This undoes the slope, so the picture is a negative. Slopes above 0 are right.
# Who is hurt: those who make pictures and training data of CT and X-rays: implicit VR is what all DICOM devices can send, and
# nothing in DICOM keeps a slope from being negative.
# Remedy: for 1 take 65536 off the second value of LUTDescriptor where the rescale goes below 0 and the value is above 32767;
# for 2 subtract the result of apply_windowing() from the sum of both ends of the range.
# Seen on 2026-11-30, with NumPy 2.4.6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def image(syntax, slope, intercept, **more):
    """A file with all values of 12 bits, and what is to be done with them."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 64, 64, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleSlope, ds.RescaleIntercept = slope, intercept
    ds.PixelData = np.arange(4096, dtype="<u2").tobytes()
    ds["PixelData"].VR = "OW"
    for name, value in more.items():
        setattr(ds, name, value)
    ds.save_as("image.dcm", enforce_file_format=True)
    ds = dcmread("image.dcm")
    rescaled = apply_modality_lut(ds.pixel_array, ds)
    assert (rescaled.ravel() == np.arange(4096) * slope + intercept).all()
    return ds, rescaled


first, entries = -1000, 16 * np.arange(4000)
for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
    table = Dataset()
    table.add_new("LUTDescriptor", "SS", [len(entries), first, 16])
    table.add_new("LUTData", "US", entries.tolist())
    ds, rescaled = image(syntax, 1, -1024, VOILUTSequence=[table])
    rescaled = rescaled.astype(np.int32)
    wanted = entries[np.clip(rescaled.astype(int) - first, 0, len(entries) - 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = apply_voi_lut(rescaled, ds)
    read = ds.VOILUTSequence[0].LUTDescriptor[1]
    print(f"{syntax.name}: the table begins at {read}, the pixels are from {got.min()} to {got.max()}, {100 * (got != wanted).mean():.0f} % wrong")
    if syntax == ExplicitVRLittleEndian:
        assert read == first and (got == wanted).all()
    else:
        assert read == first + 65536 and (got == 0).all(), "it changed"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert (apply_voi_lut(rescaled.astype(float), ds) == 0).all(), "it changed"
        ds.VOILUTSequence[0].LUTDescriptor[1] -= 65536
        assert (apply_voi_lut(rescaled, ds) == wanted).all()  # the remedy

for slope, intercept in ((1, -1024), (-1, 4095), (-0.5, 1000)):
    for function in ("LINEAR", "LINEAR_EXACT"):
        center, width = 500, 400
        ds, rescaled = image(ExplicitVRLittleEndian, slope, intercept, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
        low, high = sorted((intercept, 4095 * slope + intercept))
        part = (rescaled - (center - 0.5)) / (width - 1) + 0.5 if function == "LINEAR" else (rescaled - center) / width + 0.5
        wanted = np.clip(part, 0, 1) * (high - low) + low
        got = apply_voi_lut(rescaled, ds)
        bright, dark = np.unravel_index(rescaled.argmax(), rescaled.shape), np.unravel_index(rescaled.argmin(), rescaled.shape)
        print(f"slope {slope}, {function}: {rescaled[dark]} is shown as {got[dark]}, {rescaled[bright]} as {got[bright]}")
        assert np.allclose(got, wanted if slope > 0 else low + high - wanted), "it changed"
PYTHON
