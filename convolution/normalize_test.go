package convolution_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

// normalization is a layer normalization as Keras writes it, with some mistakes that make it another one.
type normalization struct {
	negated                                        bool  // the newer way to write the shift
	axis                                           int32 // 0 for that of the channels
	foreignMean, foreignScale, foreignX, meanOfAll bool
}

const normalizationEpsilon = 1e-3

func (n *network) normalizeBy(how normalization, x, scale, shift tf.Output) tf.Output {
	keep := op.MeanKeepDims(true)
	other := op.Add(n.next(), x, op.Const(n.next(), float32(1)))
	either := func(foreign bool, is tf.Output) tf.Output {
		if foreign {
			return other
		}
		return is
	}
	axes := n.ints(cmp.Or(how.axis, -1))
	if how.meanOfAll {
		axes = n.ints(1, 2, 3)
	}
	mean := op.Mean(n.next(), either(how.foreignMean, x), axes, keep)
	variance := op.Mean(n.next(), op.SquaredDifference(n.next(), x, op.StopGradient(n.next(), mean)), axes, keep)
	by := op.Mul(n.next(), op.Rsqrt(n.next(), op.AddV2(n.next(), variance, op.Const(n.next(), float32(normalizationEpsilon)))), scale)
	times := by
	if how.foreignScale {
		times = op.Mul(n.next(), by, op.Const(n.next(), float32(2)))
	}
	var added tf.Output
	if how.negated {
		added = op.AddV2(n.next(), op.Mul(n.next(), op.Neg(n.next(), mean), times), shift)
	} else {
		added = op.Sub(n.next(), shift, op.Mul(n.next(), mean, times))
	}
	return op.AddV2(n.next(), op.Mul(n.next(), either(how.foreignX, x), by), added)
}

// normalized is how many normalizations of a model are this package's.
func normalized(t *testing.T, model *inference.Model) int {
	t.Helper()
	graph, err := inference.GraphDef(model.Graph)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, n := range graph.GetNode() {
		if n.GetOp() == "FoveaNormalize" {
			found++
		}
	}
	return found
}

// Normalizations of pixels are those of float64, for any number of channels, by all instructions and with the same bits;
// a pixel whose channels are all the same becomes the shift.
func TestNormalizations(t *testing.T) {
	const side, pictures = 5, 3
	names, missing := convolution.Methods(inference.Float32)
	for i, channels := range []int{3, 15, 16, 17, 48, 100, 768} {
		t.Run(fmt.Sprint(channels), func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			fill := func(size int, mean, scale float64) []float32 {
				values := make([]float32, size)
				for i := range values {
					values[i] = float32(mean + random.NormFloat64()*scale)
				}
				return values
			}
			pixels, scale, shift := fill(pictures*side*side*3, 1, 5), fill(channels, 1, 0.3), fill(channels, 0, 2)
			copy(pixels, []float32{7, 7, 7})
			var first []float32
			for which, name := range names {
				if missing[which] != nil {
					t.Logf("%s: %v", name, missing[which])
					continue
				}
				n, x := newNetwork(t, side, side, channels)
				one := []int{1, 1, 1, channels}
				n.tap("normalized", n.normalizeBy(normalization{negated: i%2 == 0}, x, n.tensor(scale, one...), n.tensor(shift, one...)), side, side, channels)
				n.tap("convolved", op.Conv2D(n.next(), x, n.constant(1, 1, channels, 16), single, "SAME"), side, side, 16)
				model := n.open()
				if err := convolution.AccelerateBy(model, which, convolution.Options{Shares: 2}); err != nil {
					t.Fatal(err)
				}
				if found := normalized(t, model); found != 2 || model.Convolutions.Count != 1 {
					t.Fatalf("%d normalizations are ours and %d convolutions, want one in each share, and 1", found, model.Convolutions.Count)
				}
				got := extract(t, model, "normalized", pixels, pictures)
				checkNormalized(t, name, pixels, scale, shift, got)
				for i := range first {
					if math.Float32bits(first[i]) != math.Float32bits(got[i]) {
						t.Fatalf("%s: value %d has other bits: %g, %g", name, i, first[i], got[i])
					}
				}
				first = got
			}
		})
	}
}

func extract(t *testing.T, model *inference.Model, layer string, pixels []float32, pictures int) []float32 {
	t.Helper()
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{layer}, Batch: pictures})
	if err != nil {
		t.Fatal(err)
	}
	got, err := extractor.Extract(pixels, pictures)
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}

// checkNormalized compares with float64. The channels are the three of the pixels in turn.
func checkNormalized(t *testing.T, name string, pixels, scale, shift, got []float32) {
	t.Helper()
	channels := len(scale)
	for p := range len(pixels) / 3 {
		at := func(c int) float64 { return float64(pixels[3*p+c%3]) }
		mean, variance := 0.0, 0.0
		for c := range channels {
			mean += at(c) / float64(channels)
		}
		for c := range channels {
			variance += (at(c) - mean) * (at(c) - mean) / float64(channels)
		}
		for c := range channels {
			want := (at(c)-mean)/math.Sqrt(variance+normalizationEpsilon)*float64(scale[c]) + float64(shift[c])
			if g := float64(got[p*channels+c]); !(math.Abs(g-want) <= 2e-5) {
				t.Fatalf("%s: channel %d of pixel %d is %g, want %g", name, c, p, g, want)
			}
		}
	}
}

// What resembles a normalization of pixels is left to TensorFlow.
func TestOtherNormalizationsStay(t *testing.T) {
	const side, channels = 8, 8 // all the same
	for name, how := range map[string]normalization{
		"along the width":         {axis: 2},
		"of all pixels":           {meanOfAll: true},
		"by another mean":         {foreignMean: true},
		"by another mean, newer":  {foreignMean: true, negated: true},
		"of something else":       {foreignX: true},
		"with another scale":      {foreignScale: true},
		"another scale, negated":  {foreignScale: true, negated: true},
		"along the height, newer": {axis: 1, negated: true},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			one := []int{1, 1, 1, channels}
			y := n.normalizeBy(how, x, n.constant(one...), n.constant(one...))
			n.tap("other", y, side, side, channels)
			n.tap("last", op.Conv2D(n.next(), y, n.constant(3, 3, channels, 16), single, "SAME"), side, side, 16)
			model := n.open()
			compare(t, model, 3, convolution.Options{Shares: 2, Verify: true})
			if found := normalized(t, model); found != 0 {
				t.Errorf("%d normalizations are ours", found)
			}
		})
	}
}
