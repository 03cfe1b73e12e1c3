#!/usr/bin/env bash
# github.com/suyashkumar/dicom v1.1.0 gives the pixels of signed and of planar DICOM images wrong values.
#
# Versions: github.com/suyashkumar/dicom v1.1.0 (Go 1.26), pydicom 3.0.2 with NumPy 2.4.6, which writes the files and reads
# them as they were meant. Seen 2026-11-30.
#
# One would guess: GetPixel(x, y) returns []int with the samples that the file holds: negative where PixelRepresentation says
# that samples are signed, and red, green and blue of that pixel, however PlanarConfiguration arranges them; or an error.
#
# What happens, without an error:
#   1. Signed samples come unsigned: air, -1000, is 64536 in 16 bits, and 3096 in 12 bits, where it looks like bone. GetImage
#      shows air as white.
#   2. Where colours lie in planes (PlanarConfiguration 1), three neighbours of one plane are taken for the colours of a pixel.
#
# Who is hurt: Go services that threshold or classify CT (whose samples are often signed) and ultrasound (often in planes).
# Remedy: look PixelRepresentation, BitsStored and PlanarConfiguration up, and correct the values oneself.
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv env
env/bin/pip -q install --disable-pip-version-check pydicom==3.0.2 numpy==2.4.6
env/bin/python - <<'PYTHON'
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid


def write(name, samples, wanted, stored, signed=0, planar=None):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    ds.Rows, ds.Columns = wanted.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = (1, "MONOCHROME2") if planar is None else (3, "RGB")
    if planar is not None:
        ds.PlanarConfiguration = planar
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 * samples.itemsize, stored, stored - 1, signed
    ds.PixelData = samples.tobytes()
    ds["PixelData"].VR = "OW" if samples.itemsize > 1 else "OB"
    ds.save_as(name, enforce_file_format=True)
    assert (dcmread(name).pixel_array == wanted).all()


ct = np.full((4, 6), -1000, "<i2")
write("signed-16.dcm", ct, ct, 16, signed=1)
write("signed-12.dcm", (ct.astype(int) & 0xFFF).astype("<u2"), ct, 12, signed=1)
colours = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
write("interleaved.dcm", colours, colours, 8, planar=0)
write("planes.dcm", np.ascontiguousarray(np.moveaxis(colours, 2, 0)), colours, 8, planar=1)
PYTHON

cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/suyashkumar/dicom"
	"github.com/suyashkumar/dicom/pkg/tag"
)

// pixel reads the samples of the pixel at (1, 0).
func pixel(name string) string {
	set, err := dicom.ParseFile(name, nil)
	if err != nil {
		panic(err)
	}
	element, err := set.FindElementByTag(tag.PixelData)
	if err != nil {
		panic(err)
	}
	frame, err := dicom.MustGetPixelDataInfo(element.Value).Frames[0].GetNativeFrame()
	if err != nil {
		panic(err)
	}
	samples, err := frame.GetPixel(1, 0)
	if err != nil {
		panic(err)
	}
	return fmt.Sprint(samples)
}

func main() {
	changed := false
	for _, c := range []struct{ name, wanted, seen string }{
		{"signed-16.dcm", "[-1000]", "[64536]"},
		{"signed-12.dcm", "[-1000]", "[3096]"},
		{"interleaved.dcm", "[3 4 5]", "[3 4 5]"},
		{"planes.dcm", "[3 4 5]", "[9 12 15]"},
	} {
		got := pixel(c.name)
		fmt.Printf("%s: pydicom reads %s, GetPixel %s\n", c.name, c.wanted, got)
		changed = changed || got != c.seen
	}
	if changed {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
	fmt.Println("as told above")
}
GO
go get github.com/suyashkumar/dicom@v1.1.0 >/dev/null 2>&1
go run .
