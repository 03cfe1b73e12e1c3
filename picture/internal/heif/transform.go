package heif

import (
	"encoding/binary"
	"math/big"

	"fovea/picture/internal/fault"
)

// orientation is that of EXIF for an item's turn and mirror, in this order, as Pillow has it.
func (c *collection) orientation(i *item) int {
	quarters, axis := 0, -1
	c.each(i, func(p property) {
		switch {
		case len(p.content) == 0:
		case p.kind == "irot":
			quarters = int(p.content[0] & 3)
		case p.kind == "imir":
			axis = int(p.content[0] & 1)
		}
	})
	return orientations[quarters][axis+1]
}

// orientations are by quarter turns against the clock, and by what follows: nothing, top and bottom swapped, left and
// right swapped.
var orientations = [4][3]int{{1, 4, 2}, {8, 5, 7}, {3, 2, 4}, {6, 7, 5}}

// transform changes a file's size as libheif crops and turns its image.
func (c *collection) transform(f *File, i *item) (err error) {
	c.each(i, func(p property) {
		switch {
		case p.kind == "irot" && len(p.content) > 0 && p.content[0]&1 == 1:
			f.Width, f.Height = f.Height, f.Width
		case p.kind == "clap" && len(p.content) >= 32 && err == nil:
			err = f.crop(p.content)
		}
	})
	return err
}

// crop is that of a clean aperture: width, height and the centre's offsets as fractions.
func (f *File) crop(content []byte) error {
	var fractions [4]*big.Rat
	for i := range fractions {
		over, under := binary.BigEndian.Uint32(content[8*i:]), binary.BigEndian.Uint32(content[8*i+4:])
		if under == 0 {
			return fault.Corrupt("a clean aperture divided by zero")
		}
		numerator := int64(over)
		if i >= 2 {
			numerator = int64(int32(over))
		}
		fractions[i] = big.NewRat(numerator, int64(under))
	}
	left, right := edges(f.Width, fractions[0], fractions[2], false)
	top, bottom := edges(f.Height, fractions[1], fractions[3], true)
	if left > right || top > bottom {
		return fault.Corrupt("a clean aperture outside the image")
	}
	f.Width, f.Height = int(right-left+1), int(bottom-top+1)
	return nil
}

// edges are the first and last pixel of an aperture along an axis, with libheif's rounding.
func edges(size int, aperture, offset *big.Rat, round bool) (first, last int64) {
	one := big.NewRat(1, 1)
	within := new(big.Rat).Sub(aperture, one)
	at := new(big.Rat).Add(offset, big.NewRat(int64(size-1), 2))
	at.Sub(at, new(big.Rat).Mul(within, big.NewRat(1, 2)))
	first = truncated(at)
	if round {
		first = truncated(at.Add(at, big.NewRat(1, 2)))
	}
	end := new(big.Rat).Add(within, new(big.Rat).SetInt64(first))
	last = truncated(end.Add(end, big.NewRat(1, 2)))
	return max(first, 0), min(last, int64(size-1))
}

// truncated is a number's integer part, or one far outside of any image.
func truncated(r *big.Rat) int64 {
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() || n.BitLen() > 40 {
		return int64(n.Sign()) << 40
	}
	return n.Int64()
}
