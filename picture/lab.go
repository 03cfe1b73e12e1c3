package picture

import (
	"math"
	"sync"

	"fovea/picture/internal/kernel"
)

// labSteps is the number of nodes in each direction of the table by which Lab becomes RGB.
const labSteps = 33

// labTable has red, green and blue of 16 bits at the nodes, lightness varying slowest. LittleCMS, and with it Pillow,
// converts by such a table: between nodes colours at the edge of sRGB are not what the formulas give.
var labTable = sync.OnceValue(func() *[labSteps * labSteps * labSteps][3]uint16 {
	table := new([labSteps * labSteps * labSteps][3]uint16)
	node := func(i int) float64 { return math.Floor(float64(i)*65535/(labSteps-1)+0.5) / 65535 }
	for i := range table {
		table[i] = labNode(100*node(i/labSteps/labSteps), 255*node(i/labSteps%labSteps)-128, 255*node(i%labSteps)-128)
	}
	return table
})

// labNode is sRGB, in 16 bits, of CIE Lab of D50.
func labNode(l, a, b float64) (rgb [3]uint16) {
	fy := (l + 16) / 116
	inverse := func(t float64) float64 {
		if t > 24.0/116 {
			return t * t * t
		}
		return (t - 16.0/116) * 108 / 841
	}
	x, y, z := 0.9642*inverse(fy+a/500), inverse(fy), 0.8249*inverse(fy-b/200)
	for i, m := range [3][3]float64{ // sRGB's primaries, adapted to D50 by Bradford's method
		{3.1341359, -1.6173863, -0.4906619}, {-0.9787955, 1.9162543, 0.0334427}, {0.0719554, -0.2289768, 1.4053860},
	} {
		v := m[0]*x + m[1]*y + m[2]*z
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		rgb[i] = uint16(max(0, min(65535, math.Floor(v*65535+0.5))))
	}
	return rgb
}

// labToRGB is sRGB of Lab in 8 bits, with a and b 128 higher, interpolated in the tetrahedron of four nodes.
func labToRGB(l, a, b uint8) [3]uint8 {
	table := labTable()
	stride := [3]int{labSteps * labSteps, labSteps, 1}
	at, rest := 0, [3]int64{}
	for i, v := range [3]uint8{l, a, b} {
		word := int64(v) * 257
		fixed := word * (labSteps - 1)
		fixed += (fixed + 0x7fff) / 0xffff
		at, rest[i] = at+int(fixed>>16)*stride[i], fixed&0xffff
		if word == 0xffff {
			stride[i] = 0
		}
	}
	// From the lowest node to the highest, first along the direction with the longest way.
	order := [3]int{0, 1, 2}
	if rest[1] > rest[0] {
		order[0], order[1] = 1, 0
	}
	if rest[2] > rest[order[0]] {
		order = [3]int{2, order[0], order[1]}
	} else if rest[2] > rest[order[1]] {
		order[1], order[2] = 2, order[1]
	}
	base := table[at]
	sum := [3]int64{0x8001, 0x8001, 0x8001}
	from := at
	for _, i := range order {
		to := from + stride[i]
		for c := range sum {
			sum[c] += (int64(table[to][c]) - int64(table[from][c])) * rest[i]
		}
		from = to
	}
	var out [3]uint8
	for c, s := range sum {
		word := int64(base[c]) + (s+s>>16)>>16
		out[c] = kernel.Clamp(int32((word*65281 + 8388608) >> 24))
	}
	return out
}
