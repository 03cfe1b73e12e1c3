package picture

import (
	"fmt"
	"slices"
	"testing"
)

// A PNG's pixels of exactly the colour that its chunk tRNS names are transparent, by its specification (11.3.1.1), whatever
// the depth. Pillow 13 takes those of 2, 4 and 16 bits for opaque (findings/pillow-png-transparent-colour.sh).
func TestPNGTransparentColours(t *testing.T) {
	// Each is a row of two pixels, of which tRNS names the second.
	for _, test := range []struct {
		depth, colours byte
		row, named     []byte
		first          byte // of the first pixel, in red, green and blue
	}{
		{1, 0, []byte{0b0100_0000}, []byte{0, 1}, 0},
		{2, 0, []byte{0b0111_0000}, []byte{0, 3}, 85},
		{2, 0, []byte{0b1101_0000}, []byte{0, 1}, 255},
		{4, 0, []byte{0x1f}, []byte{0, 15}, 17},
		{8, 0, []byte{15, 200}, []byte{0, 200}, 15},
		{16, 0, []byte{18, 53, 18, 52}, []byte{18, 52}, 18},
		{16, 2, []byte{18, 52, 18, 52, 18, 53, 18, 52, 18, 52, 18, 52}, []byte{18, 52, 18, 52, 18, 52}, 18},
	} {
		row := pngChunk("IDAT", deflated(append([]byte{0}, test.row...)))
		data := pngOf(2, 1, test.depth, test.colours, 0, pngChunk("tRNS", test.named), row)
		got, err := Decode(data, Options{Width: 2, Height: 1, Interpolation: Nearest, Background: "#ff8000"})
		want := []byte{test.first, test.first, test.first, 255, 128, 0}
		if err != nil || !slices.Equal(got.Pix, want) {
			t.Error(fmt.Sprintf("%d bits, colours %d:", test.depth, test.colours), got.Pix, "instead of", want, err)
		}
		if got, err := Decode(data, Options{Width: 2, Height: 1}); err != nil || !got.Transparent {
			t.Errorf("%d bits, colours %d: not transparent, %v", test.depth, test.colours, err)
		}
	}
}
