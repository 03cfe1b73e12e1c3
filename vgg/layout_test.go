package vgg

import (
	"slices"
	"testing"

	"fovea/vgg/weights"
)

// The order of PyTorch's kernels is checked element by element on small ones.
func TestTranspose(t *testing.T) {
	in := tensor([]int{2, 3, 4, 5}, func(i int) float32 { return float32(i) })
	out := transpose(in, 2, 3, 1, 0)
	if !slices.Equal(out.Shape, []int{4, 5, 3, 2}) {
		t.Fatalf("shape is %v", out.Shape)
	}
	values, err := out.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for o := range 2 {
		for i := range 3 {
			for h := range 4 {
				for w := range 5 {
					if got, want := values[((h*5+w)*3+i)*2+o], float32(((o*3+i)*4+h)*5+w); got != want {
						t.Fatalf("element %d,%d,%d,%d is %v, want %v", h, w, i, o, got, want)
					}
				}
			}
		}
	}
}

// Shapes that fill no whole cache line, and elements of every size, in every order.
func TestTransposeEverything(t *testing.T) {
	orders := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, shape := range [][]int{{2, 3, 5}, {1, 17, 33}, {40, 1, 19}, {16, 16, 16}} {
		for _, size := range []int{1, 2, 4, 8} {
			in := weights.Tensor{Shape: shape, Raw: make([]byte, size*elements(shape))}
			for i := range in.Raw {
				in.Raw[i] = byte(i * 7 / 3)
			}
			for _, order := range orders {
				out := transpose(in, order...)
				index := make([]int, 3)
				for i := range elements(shape) {
					index[0], index[1], index[2] = i/(shape[1]*shape[2]), i/shape[2]%shape[1], i%shape[2]
					at := (index[order[0]]*out.Shape[1]+index[order[1]])*out.Shape[2] + index[order[2]]
					if got, want := out.Raw[at*size:(at+1)*size], in.Raw[i*size:(i+1)*size]; !slices.Equal(got, want) {
						t.Fatalf("shape %v, order %v, %d bytes: element %v is %v, want %v", shape, order, size, index, got, want)
					}
				}
			}
		}
	}
}

// Every order of fc6's kernel that a file may have comes to rows of row, column, channel.
// The kernel of an output, a row, a column and a channel is a number of its own.
func TestDenseKernel(t *testing.T) {
	const units, channels, side = 2, 3, 7
	weight := func(u, c, h, w int) float32 { return float32(((u*channels+c)*side+h)*side + w) }
	type index func(u, c, h, w int) int
	for name, test := range map[string]struct {
		shape         []int
		order         matrixOrder
		layout        layout
		channelsFirst bool
		at            index
	}{
		"units x channel, row, column": {[]int{units, channels * side * side}, unitsFirst, oihw, true,
			func(u, c, h, w int) int { return ((u*channels+c)*side+h)*side + w }},
		"channel, row, column x units": {[]int{channels * side * side, units}, inputsFirst, oihw, true,
			func(u, c, h, w int) int { return ((c*side+h)*side+w)*units + u }},
		"row, column, channel x units": {[]int{channels * side * side, units}, inputsFirst, hwio, false,
			func(u, c, h, w int) int { return ((h*side+w)*channels+c)*units + u }},
		"units x row, column, channel": {[]int{units, channels * side * side}, unitsFirst, hwio, false,
			func(u, c, h, w int) int { return ((u*side+h)*side+w)*channels + c }},
		"HWIO": {[]int{side, side, channels, units}, inputsFirst, hwio, false,
			func(u, c, h, w int) int { return ((h*side+w)*channels+c)*units + u }},
		"OIHW": {[]int{units, channels, side, side}, unitsFirst, oihw, true,
			func(u, c, h, w int) int { return ((u*channels+c)*side+h)*side + w }},
		"1 x 1 x units x inputs": {[]int{1, 1, units, channels * side * side}, unitsFirst, oihw, true,
			func(u, c, h, w int) int { return ((u*channels+c)*side+h)*side + w }},
	} {
		t.Run(name, func(t *testing.T) {
			source := make([]float32, units*channels*side*side)
			each(func(u, c, h, w int) { source[test.at(u, c, h, w)] = weight(u, c, h, w) })
			out := test.order.denseKernel(tensor(test.shape, func(i int) float32 { return source[i] }), test.layout, side, test.channelsFirst)
			if !slices.Equal(out.Shape, []int{side * side * channels, units}) {
				t.Fatalf("shape is %v", out.Shape)
			}
			values, err := out.Float32()
			if err != nil {
				t.Fatal(err)
			}
			each(func(u, c, h, w int) {
				if got, want := values[((h*side+w)*channels+c)*units+u], weight(u, c, h, w); got != want {
					t.Fatalf("unit %d, channel %d, row %d, column %d: %v, want %v", u, c, h, w, got, want)
				}
			})
		})
	}
}

func each(do func(u, c, h, w int)) {
	for u := range 2 {
		for c := range 3 {
			for h := range 7 {
				for w := range 7 {
					do(u, c, h, w)
				}
			}
		}
	}
}
