#!/usr/bin/env bash
# golang.org/x/image/tiff shows Pillow's faxes as negatives.
#
# Versions: golang.org/x/image v0.47.0 (Go 1.26), Pillow 13.0.0 (libtiff 4.7.2). Seen 2026-11-28.
#
# One would guess: a black and white TIFF that Pillow writes with compression="group4" (or "group3")
# has the same pixels in Go as in Pillow, and as the same picture without compression.
#
# What happens: Pillow writes such files with PhotometricInterpretation 1 (BlackIsZero), and to
# libtiff the runs that the fax calls black are bits that are 1, which are then white. The Go package
# takes "black" at its word where PhotometricInterpretation is 1: black and white are turned round,
# without an error. With PhotometricInterpretation 0, as scanners write it, both agree.
#
# Who is hurt: who reads scans that passed through Pillow (OCR, classification, thumbnails) with Go.
# Where the tag is 1 and the compression 3 or 4, the decoded picture has to be inverted.
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"

python3 -m venv env
env/bin/pip -q install --disable-pip-version-check pillow==13.0.0
env/bin/python - <<'PYTHON'
from PIL import Image

image = Image.new("1", (32, 16), 1)  # white
image.paste(0, (0, 0, 8, 16))  # a quarter of it is black, at the left
for name in ("raw", "group3", "group4"):
    image.save(name + ".tiff", compression=None if name == "raw" else name)
    with Image.open(name + ".tiff") as again:
        assert again.tobytes() == image.tobytes(), name
        print(f"Pillow {name}: PhotometricInterpretation {again.tag_v2[262]}, left {again.getpixel((2, 2))}, right {again.getpixel((30, 2))}")
PYTHON

cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"image/color"
	"os"

	"golang.org/x/image/tiff"
)

func main() {
	wrong := 0
	for _, name := range []string{"raw", "group3", "group4"} {
		f, err := os.Open(name + ".tiff")
		if err != nil {
			panic(err)
		}
		picture, err := tiff.Decode(f)
		if err != nil {
			panic(err)
		}
		at := func(x int) uint8 { return color.GrayModel.Convert(picture.At(x, 2)).(color.Gray).Y }
		fmt.Printf("Go     %s: left %d, right %d\n", name, at(2), at(30))
		if at(2) == 255 && at(30) == 0 {
			wrong++
		}
	}
	if wrong != 2 {
		fmt.Println("changed: the faxes are not negatives any more")
		os.Exit(1)
	}
	fmt.Println("as described: both faxes are negatives, the uncompressed picture is right")
}
GO
export GOFLAGS=-mod=mod
go get golang.org/x/image@v0.47.0 2>/dev/null
go run .
