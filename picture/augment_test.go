package picture

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func gradient(width, height int) []uint8 {
	pix := make([]uint8, 3*width*height)
	for y := range height {
		for x := range width {
			copy(pix[3*(y*width+x):], []uint8{uint8(10 * x), uint8(10 * y), 7})
		}
	}
	return pix
}

func TestAugmentationFlips(t *testing.T) {
	const width, height = 10, 6
	src, dst := gradient(width, height), make([]uint8, 3*width*height)
	flipped := 0
	for seed := range uint64(200) {
		Augmentation{Flip: true}.Apply(dst, src, width, height, rand.New(rand.NewPCG(seed, 1)))
		if slices.Equal(dst, src) {
			continue
		}
		flipped++
		for y := range height {
			for x := range width {
				if !slices.Equal(dst[3*(y*width+x):][:3], src[3*(y*width+width-1-x):][:3]) {
					t.Fatalf("seed %d: pixel %d,%d is neither in its place nor mirrored", seed, x, y)
				}
			}
		}
	}
	if flipped < 70 || flipped > 130 {
		t.Errorf("%d of 200 images are mirrored", flipped)
	}
}

// A ramp that is moved or scaled is a ramp that begins elsewhere or is steeper; at the edges
// it repeats.
func TestAugmentationMovesAndScales(t *testing.T) {
	const side = 21
	src, dst := gradient(side, side), make([]uint8, 3*side*side)
	at := func(x, y, c int) float64 { return float64(dst[3*(y*side+x)+c]) }
	var shifts, slopes []float64
	for seed := range uint64(300) {
		Augmentation{Shift: true}.Apply(dst, src, side, side, rand.New(rand.NewPCG(seed, 2)))
		shifts = append(shifts, (at(10, 10, 0)-100)/10)
		Augmentation{Zoom: true}.Apply(dst, src, side, side, rand.New(rand.NewPCG(seed, 2)))
		if at(10, 10, 0) != 100 || at(10, 10, 1) != 100 || at(10, 10, 2) != 7 {
			t.Fatalf("seed %d: the centre moves to %v", seed, dst[3*(10*side+10):][:3])
		}
		slopes = append(slopes, (at(13, 10, 0)-at(7, 10, 0))/60)
	}
	if low, high := slices.Min(shifts), slices.Max(shifts); low < -2.15 || low > -1.9 || high > 2.15 || high < 1.9 {
		t.Errorf("shifts of %g to %g pixels of 21", low, high)
	}
	if low, high := slices.Min(slopes), slices.Max(slopes); low < 0.8 || low > 0.87 || high > 1.27 || high < 1.2 {
		t.Errorf("slopes are %g to %g times the original's", low, high)
	}
}

func TestAugmentationNothing(t *testing.T) {
	src, dst := gradient(9, 5), make([]uint8, 3*9*5)
	for seed := range uint64(20) {
		Augmentation{}.Apply(dst, src, 9, 5, rand.New(rand.NewPCG(seed, 3)))
		if !slices.Equal(src, dst) {
			t.Fatal("no augmentation changes the image")
		}
	}
}

func TestParseAugmentation(t *testing.T) {
	for list, want := range map[string]Augmentation{
		"": {}, "none": {}, "flip": {Flip: true}, "zoom,shift": {Shift: true, Zoom: true}, "flip,shift,zoom": {true, true, true},
	} {
		if got, err := ParseAugmentation(list); err != nil || got != want {
			t.Errorf("%q is %+v, %v", list, got, err)
		}
	}
	for _, list := range []string{"rotate", "flip,", "none,flip"} {
		if _, err := ParseAugmentation(list); err == nil {
			t.Errorf("%q is accepted", list)
		}
	}
}
