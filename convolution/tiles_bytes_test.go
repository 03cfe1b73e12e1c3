package convolution_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fovea/inference"
	"fovea/vectors"
)

// bytesCases are at the borders of what bytes are treated alike in: 64 input channels, blocks of 32 pixels, strips of
// six, bands, kernels that pixels pass in turn, and maps that are no block.
var bytesCases = []kernelCase{
	{1, 1, 64, 32, 1},
	{2, 3, 64, 32, 2},
	{4, 4, 128, 32, 3},
	{5, 7, 192, 64, 5},
	{14, 14, 64, 64, 7},
	{69, 13, 64, 32, 2},
	{65, 30, 64, 32, 1},
	{3, 1200, 64, 32, 1},
	{300, 1, 64, 32, 2},
	{30, 57, 64, 32, 2},
	{4, 5, 512, 256, 3},
	{7, 6, 320, 512, 1},
	{3, 2, 4096, 32, 1},
}

func skipWithoutAMX(t *testing.T) {
	t.Helper()
	if err := inference.AMX(); err != nil {
		t.Skip(err)
	}
}

// wholeData has pixels and kernels that are whole numbers of steps, of another size in each image and each output
// channel, so that nothing but the last rounding is not exact. It has negative pixels if that is asked for.
func wholeData(c kernelCase, negative bool) data {
	random := rand.New(rand.NewPCG(7, 8))
	d := data{make([]float32, c.pictures*c.height*c.width*3), make([]float32, 9*c.in*c.out), make([]float32, c.out)}
	size := c.height * c.width * 3
	for i := range d.pixels {
		value := random.IntN(256)
		if negative {
			value = random.IntN(255) - 127
		}
		switch {
		case i%size == 0 && negative:
			value = -127
		case i%size == 0:
			value = 255
		}
		d.pixels[i] = float32(math.Ldexp(float64(value), i/size-3))
	}
	for i := range d.kernel {
		value := random.IntN(255) - 127
		if i < c.out {
			value = 127 - 254*(i%2)
		}
		d.kernel[i] = float32(math.Ldexp(float64(value), i%c.out%5-9))
	}
	for i := range d.bias {
		d.bias[i] = float32(random.IntN(100) - 50)
	}
	return d
}

// toBFloat16 rounds to the nearest, halves to even.
func toBFloat16(value float64) float32 {
	bits := math.Float32bits(float32(value))
	return math.Float32frombits((bits + 0x7fff + bits>>16&1) & 0xffff0000)
}

// Sums of bytes are exact, and so is all else but the rounding to bfloat16 at the end.
func TestBytes(t *testing.T) {
	skipWithoutAMX(t)
	for _, c := range bytesCases {
		for _, negative := range []bool{false, true} {
			d := wholeData(c, negative)
			want := c.want(d)
			layers := [][]float64{want, c.pool(want)}
			for shares := 1; shares <= min(c.pictures, 2); shares++ {
				t.Run(fmt.Sprintf("%s, negative %t, %d shares", c, negative, shares), func(t *testing.T) {
					for l, got := range c.compute(t, d, inference.Int8, 0, shares) {
						for i, w := range layers[l] {
							if got[i] != toBFloat16(w) {
								t.Fatalf("layer %d: value %d is %v, want %v", l, i, got[i], toBFloat16(w))
							}
						}
					}
				})
			}
		}
	}
}

// What an image gives depends on no other image, and neither do its rounding errors, which are small.
func TestBytesRound(t *testing.T) {
	skipWithoutAMX(t)
	c := kernelCase{9, 11, 128, 64, 4}
	d := c.data()
	want, all := c.want(d), c.compute(t, d, inference.Int8, 0, 1)[0]
	size := len(want) / c.pictures
	one := c
	one.pictures = 1
	for p := range c.pictures {
		exact := make([]float32, size)
		for i := range exact {
			exact[i] = float32(want[p*size+i])
		}
		if cosine := vectors.Cosine(all[p*size:][:size], exact); !(cosine > 0.9998) {
			t.Errorf("image %d has a cosine of %g with float64", p, cosine)
		}
		pixels := d.pixels[p*len(d.pixels)/c.pictures:][:len(d.pixels)/c.pictures]
		alone := one.compute(t, data{pixels, d.kernel, d.bias}, inference.Int8, 0, 1)[0]
		for i, v := range alone {
			if v != all[p*size+i] {
				t.Fatalf("image %d: value %d is %v alone and %v among others", p, i, v, all[p*size+i])
			}
		}
	}
}

// An image with a value that is no number, or infinite, has no features; one that is nearly black has its bias.
func TestBytesWithoutScale(t *testing.T) {
	skipWithoutAMX(t)
	c := kernelCase{6, 7, 64, 32, 3}
	for name, value := range map[string]float64{"NaN": math.NaN(), "infinity": math.Inf(1), "minus infinity": math.Inf(-1), "tiny": 1e-38, "zero": 0} {
		t.Run(name, func(t *testing.T) {
			d := wholeData(c, false)
			size := len(d.pixels) / c.pictures
			if math.Abs(value) < 1 {
				clear(d.pixels[size:][:size])
			}
			d.pixels[size+5] = float32(value)
			ordinary := c.want(wholeData(c, false))
			features := len(ordinary) / c.pictures
			for i, got := range c.compute(t, d, inference.Int8, 0, 1)[0] {
				want := toBFloat16(ordinary[i])
				if i/features == 1 {
					want = max(0, d.bias[i%c.out])
					if !(math.Abs(value) < 1) {
						want = float32(math.NaN())
					}
				}
				if got != want && !(got != got && want != want) {
					t.Fatalf("value %d of image %d is %v, want %v", i%features, i/features, got, want)
				}
			}
		})
	}
}
