package picture

import (
	"encoding/base64"
	"testing"
)

// whiteOf12Bits is a row of grey in RGB, 12 by 2, which imagecodecs 2026.3.6 wrote without loss: 0, 15, 16, 2047, 2048,
// 4079, 4080, 4087, 4088 and three times 4095.
const whiteOf12Bits = "/0//UQAvAAAAAAAMAAAAAgAAAAAAAAAAAAAADAAAAAIAAAAAAAAAAAADCwEBCwEBCwEB/1IADAAAAAEAAAQEAAH/XAAEQGD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAABuAAH/k9/gdAlNaUjzMgBX/XepR8cNI3J5xNuCrVdWoenBDmh/3+B0CU1pSPMyAFf9d6lHxw0jcnnE24KtV1ah6cEOaH/f4HQJTWlI8zIAV/13qUfHDSNyecTbgq1XVqHpwQ5of//Z"

// The highest of more than 8 bits are white, and not rounded to 256, which Pillow 13 shows as black
// (findings/pillow-jpeg2000-white-is-black.sh).
func TestJPEG2000WhiteStaysWhite(t *testing.T) {
	needCodecs(t)
	data, err := base64.StdEncoding.DecodeString(whiteOf12Bits)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(data, Options{Width: 12, Height: 2, Interpolation: Nearest})
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0, 0, 1, 127, 128, 254, 255, 255, 255, 255, 255, 255}
	for i, v := range p.Pix {
		if v != want[i/3%len(want)] {
			t.Errorf("byte %d is %d, want %d", i, v, want[i/3%len(want)])
		}
	}
	if len(p.Pix) != 3*2*len(want) {
		t.Errorf("%d bytes", len(p.Pix))
	}
}
