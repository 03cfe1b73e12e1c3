package convolution_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// kernelCase is a convolution with bias and rectifier, and pooled where it is large enough.
type kernelCase struct{ height, width, in, out, pictures int }

func (c kernelCase) String() string {
	return fmt.Sprintf("%dx%d, %d to %d channels, %d images", c.height, c.width, c.in, c.out, c.pictures)
}

// At the borders of what kernels treat alike: tiles of 4x4 pixels, registers of 8 or 16 channels, products of 6 or
// 12 tiles, blocks of 48 and 96, pairs of panels of 16 output channels, 6 or 12 pixels of few channels.
var kernelCases = []kernelCase{
	{1, 1, 1, 16, 1},
	{1, 1, 512, 16, 3},
	{2, 3, 3, 32, 2},
	{4, 4, 16, 48, 3},
	{5, 7, 17, 16, 1},
	{6, 6, 4, 64, 2},
	{7, 12, 5, 32, 1},
	{13, 28, 40, 16, 2},
	{14, 14, 512, 32, 3},
	{30, 31, 64, 64, 1},
	{225, 223, 3, 16, 1},
	{57, 224, 16, 16, 1},
	{5, 11, 2, 32, 3},
	{12, 12, 3, 48, 1},
	{9, 25, 4, 16, 5},
	{3, 5, 512, 48, 5},
	{225, 223, 17, 16, 1},
	{4, 3, 33, 32, 5},
	{8, 17, 3, 16, 11},
	{28, 28, 260, 32, 4}, // three blocks of 68 tiles, of which the last has 60
	{28, 28, 24, 16, 2},  // three of 36, of which the last has 26
}

// data is what a case computes with: the pixels of images of three channels, which are repeated for
// the others, kernel and bias.
type data struct{ pixels, kernel, bias []float32 }

func (c kernelCase) data() data {
	random := rand.New(rand.NewPCG(5, 6))
	fill := func(n int, value func() float32) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = value()
		}
		return values
	}
	return data{
		pixels: fill(c.pictures*c.height*c.width*3, func() float32 { return float32(random.NormFloat64() * 50) }),
		kernel: fill(9*c.in*c.out, func() float32 { return float32(random.NormFloat64() / math.Sqrt(float64(9*c.in))) }),
		bias:   fill(c.out, func() float32 { return float32(random.NormFloat64() * 10) }),
	}
}

// compute runs the case in a precision, by one of its methods, in some shares, and returns the
// rectified and the pooled layer.
func (c kernelCase) compute(t *testing.T, d data, precision inference.Precision, which, shares int) [][]float32 {
	t.Helper()
	n, x := newNetwork(t, c.height, c.width, c.in)
	bare := op.Conv2D(n.next(), x, n.tensor(d.kernel, 3, 3, c.in, c.out), []int64{1, 1, 1, 1}, "SAME")
	rectified := op.Relu(n.next(), op.BiasAdd(n.next(), bare, n.tensor(d.bias, c.out)))
	n.tap("rectified", rectified, c.height, c.width, c.out)
	if c.height > 1 && c.width > 1 {
		twos := []int64{1, 2, 2, 1}
		n.tap("pooled", op.MaxPool(n.next(), rectified, twos, twos, "VALID"), c.height/2, c.width/2, c.out)
	}
	model := n.open()
	model.Precision = precision
	if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: shares}); err != nil {
		t.Fatal(err)
	}
	input, err := inference.NewFloat32Tensor([]int{c.pictures, c.height, c.width, 3}, d.pixels)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []tf.Output
	for _, layer := range model.Layers {
		outputs = append(outputs, layer.Output)
	}
	tensors, err := model.Session.Run(map[tf.Output]*tf.Tensor{model.Input: input}, outputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	results := make([][]float32, len(tensors))
	for i, tensor := range tensors {
		results[i] = make([]float32, c.pictures*sizeOf(model.Layers[i]))
		if err := inference.CopyFloat32(results[i], tensor); err != nil {
			t.Fatal(err)
		}
	}
	return results
}

// want is the rectified layer in float64. The race detector, of no use to it, would make it take ten times as long.
//
//go:norace
func (c kernelCase) want(d data) []float64 {
	y := make([]float64, 0, c.pictures*c.height*c.width*c.out)
	sums := make([]float64, c.out)
	for p := range c.pictures {
		for i := range c.height {
			for j := range c.width {
				for o, b := range d.bias {
					sums[o] = float64(b)
				}
				for tap := range 9 {
					r, q := i+tap/3-1, j+tap%3-1
					if r < 0 || q < 0 || r >= c.height || q >= c.width {
						continue
					}
					pixel := d.pixels[((p*c.height+r)*c.width+q)*3:][:3]
					for k := range c.in {
						for o, w := range d.kernel[(tap*c.in+k)*c.out:][:c.out] {
							sums[o] += float64(pixel[k%3]) * float64(w)
						}
					}
				}
				for _, s := range sums {
					y = append(y, math.Max(s, 0))
				}
			}
		}
	}
	return y
}

// pool takes the maxima of 2x2 pixels.
func (c kernelCase) pool(y []float64) []float64 {
	var pooled []float64
	for p := range c.pictures {
		for i := range c.height / 2 {
			for j := range c.width / 2 {
				for o := range c.out {
					at := func(r, q int) float64 { return y[((p*c.height+2*i+r)*c.width+2*j+q)*c.out+o] }
					pooled = append(pooled, max(at(0, 0), at(0, 1), at(1, 0), at(1, 1)))
				}
			}
		}
	}
	return pooled
}

// bounds are the largest errors of the precisions' methods, relative to a layer's largest value. Equal
// channels, as there are here, are the worst: errors add up while random kernels cancel.
var bounds = map[inference.Precision]float64{inference.Float32: 3e-5, inference.Int16: 3e-3}

func TestKernels(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	for precision, bound := range bounds {
		names, missing := convolution.Methods(precision)
		for which, name := range names {
			t.Run(fmt.Sprintf("%s by %s", precision, name), func(t *testing.T) {
				if missing[which] != nil {
					t.Skip(missing[which])
				}
				for _, c := range kernelCases {
					d := c.data()
					rectified := c.want(d)
					want := [][]float64{rectified, c.pool(rectified)}
					for l, got := range c.compute(t, d, precision, which, 1) {
						var worst, most float64
						for i, v := range got {
							worst = math.Max(worst, math.Abs(float64(v)-want[l][i]))
							most = math.Max(most, want[l][i])
						}
						if !(worst <= bound*most) {
							t.Errorf("%s: layer %d is off by %.1e of its largest value", c, l, worst/most)
						}
					}
				}
			})
		}
	}
}

// All methods of a precision give the same bits, however a batch is shared.
func TestSameBits(t *testing.T) {
	if testing.Short() {
		t.Skip("what C computes, the race detector does not watch")
	}
	for precision := range bounds {
		names, missing := convolution.Methods(precision)
		var first [][][]float32
		for which, name := range names {
			t.Run(fmt.Sprintf("%s by %s", precision, name), func(t *testing.T) {
				if missing[which] != nil {
					t.Skip(missing[which])
				}
				for _, shares := range []int{1, 2, 3} {
					var all [][][]float32
					for _, c := range kernelCases {
						all = append(all, c.compute(t, c.data(), precision, which, shares))
					}
					if first == nil {
						first = all
					}
					for i, c := range kernelCases {
						for l := range first[i] {
							for k, v := range first[i][l] {
								if math.Float32bits(v) != math.Float32bits(all[i][l][k]) {
									t.Fatalf("%s: layer %d in %d shares: value %d is %v, not %v", c, l, shares, k, all[i][l][k], v)
								}
							}
						}
					}
				}
			})
		}
	}
}

// Numbers that are not finite come through: whatever sees one of the input is not finite, or not a
// number before it is rectified.
func TestNotFinite(t *testing.T) {
	for precision := range bounds {
		names, missing := convolution.Methods(precision)
		for which, name := range names {
			t.Run(fmt.Sprintf("%s by %s", precision, name), func(t *testing.T) {
				if missing[which] != nil {
					t.Skip(missing[which])
				}
				for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
					for _, c := range []kernelCase{{9, 10, 16, 16, 1}, {9, 10, 3, 16, 1}, {2, 2, 32, 32, 1}} {
						d := c.data()
						for k := range 3 {
							d.pixels[(c.width+1)*3+k] = float32(value) // row 1, column 1
						}
						got := c.compute(t, d, precision, which, 1)[0]
						for i := range min(3, c.height) {
							for j := range min(3, c.width) {
								for o := range c.out {
									sum, tap := 0.0, (2-i)*3+2-j
									for k := range c.in {
										sum += float64(d.kernel[(tap*c.in+k)*c.out+o]) * value
									}
									if v := float64(got[(i*c.width+j)*c.out+o]); !math.IsNaN(v) && !math.IsInf(v, 1) && !(sum < 0 && v == 0) {
										t.Fatalf("%s with %v: pixel %d, %d of channel %d is %v", c, value, i, j, o, v)
									}
								}
							}
						}
					}
				}
			})
		}
	}
}

// A graph that asks for instructions that there are not is an error, not a crash.
func TestUnknownInstructions(t *testing.T) {
	if err := convolution.Register(); err != nil {
		t.Skip(err)
	}
	for _, instructions := range []int64{-1, 3, 1 << 20} {
		scope := op.NewScope()
		kernel := op.Const(scope, make([][3][16][16]float32, 3))
		packed := scope.AddOperation(tf.OpSpec{Type: "FoveaWideKernel", Input: []tf.Input{kernel}, Attrs: map[string]interface{}{"whole": true, "instructions": instructions}})
		graph, err := scope.Finalize()
		if err != nil {
			t.Fatal(err)
		}
		session, err := tf.NewSession(graph, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.Run(nil, []tf.Output{packed.Output(0)}, nil); err == nil || !strings.Contains(err.Error(), "has not got these instructions") {
			t.Errorf("instructions %d: %v", instructions, err)
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
}

// sizeOf is the number of values of a layer for one image.
func sizeOf(l inference.Layer) int {
	size := 1
	for _, d := range l.Shape {
		size *= d
	}
	return size
}
