package convolution_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
)

var single = []int64{1, 1, 1, 1}

// centred is images without the mean of all images: each depends on the others.
func (n *network) centred(x tf.Output) tf.Output {
	return op.Sub(n.next(), x, op.Mean(n.next(), x, op.Const(n.next(), []int32{0}), op.MeanKeepDims(true)))
}

// unchanged says whether a model is as it was.
func unchanged(t *testing.T, model *inference.Model, outputs []tf.Output, nodes int) {
	t.Helper()
	for i, l := range model.Layers {
		if l.Output != outputs[i] {
			t.Errorf("layer %s was changed in spite of the error", l.Name)
		}
	}
	if now := nodesOf(t, model); now != nodes || model.Convolutions.Count != 0 {
		t.Errorf("the graph has %d nodes, and had %d; %s", now, nodes, model.Convolutions)
	}
}

func nodesOf(t *testing.T, model *inference.Model) int {
	t.Helper()
	graph, err := inference.GraphDef(model.Graph)
	if err != nil {
		t.Fatal(err)
	}
	return len(graph.GetNode())
}

func outputsOf(model *inference.Model) []tf.Output {
	var outputs []tf.Output
	for _, l := range model.Layers {
		outputs = append(outputs, l.Output)
	}
	return outputs
}

// Batches of a graph in which images see each other cannot be split, wherever that is. The model
// stays as it was, and can be accelerated without splitting.
func TestMixedPicturesAreRefused(t *testing.T) {
	const side, channels = 8, 16
	for name, mix := range map[string]func(*network, tf.Output) tf.Output{
		"mean of the batch": (*network).centred,
		"negative axis": func(n *network, x tf.Output) tf.Output {
			return op.Sub(n.next(), x, op.Max(n.next(), x, op.Const(n.next(), []int32{-4}), op.MaxKeepDims(true)))
		},
		"mean of everything": func(n *network, x tf.Output) tf.Output {
			return op.Sub(n.next(), x, op.Mean(n.next(), x, op.Const(n.next(), []int32{0, 1, 2, 3})))
		},
		"normalization in training": func(n *network, x tf.Output) tf.Output {
			y, _, _, _, _, _ := op.FusedBatchNormV3(n.next(), x, n.constant(channels), n.constant(channels), n.constant(channels), n.constant(channels),
				op.FusedBatchNormV3IsTraining(true))
			return y
		},
		"reversed batch": func(n *network, x tf.Output) tf.Output {
			return op.Add(n.next(), x, op.ReverseV2(n.next(), x, op.Const(n.next(), []int32{0})))
		},
		"transposed batch": func(n *network, x tf.Output) tf.Output {
			turned := op.Transpose(n.next(), x, op.Const(n.next(), []int32{1, 2, 3, 0}))
			scaled := op.Softmax(n.next(), turned)
			return op.Transpose(n.next(), scaled, op.Const(n.next(), []int32{3, 0, 1, 2}))
		},
		"first image": func(n *network, x tf.Output) tf.Output {
			return op.Add(n.next(), x, op.Slice(n.next(), x, op.Const(n.next(), []int32{0, 0, 0, 0}), op.Const(n.next(), []int32{1, -1, -1, -1})))
		},
		"number of images": func(n *network, x tf.Output) tf.Output {
			count := op.GatherV2(n.next(), op.Shape(n.next(), x), op.Const(n.next(), int32(0)), op.Const(n.next(), int32(0)))
			return op.Div(n.next(), x, op.Cast(n.next(), count, tf.Float))
		},
		"shifted batch": func(n *network, x tf.Output) tf.Output {
			return op.Add(n.next(), x, op.Roll(n.next(), x, op.Const(n.next(), int32(1)), op.Const(n.next(), int32(0))))
		},
		"joined images": func(n *network, x tf.Output) tf.Output {
			whole := op.Reshape(n.next(), x, op.Const(n.next(), []int32{1, -1, side, channels}))
			return op.Reshape(n.next(), op.Relu(n.next(), whole), op.Const(n.next(), []int32{-1, side, side, channels}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			mixed := op.Conv2D(n.next(), mix(n, x), n.constant(3, 3, channels, channels), single, "SAME")
			n.tap("mixed", mixed, side, side, channels)
			// The last layers are right however the batch is split.
			n.tap("last", op.Conv2D(n.next(), x, n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
			model := n.open()
			outputs, nodes := outputsOf(model), nodesOf(t, model)
			for range 2 {
				if err := convolution.Accelerate(model, convolution.Options{Shares: 2, Verify: true}); !errors.Is(err, convolution.ErrMixed) || !strings.Contains(err.Error(), "node_") {
					t.Errorf("the error is %v", err)
				}
				unchanged(t, model, outputs, nodes)
			}
			compare(t, model, 3, convolution.Options{Shares: 1, Verify: true})
		})
	}
}

// What keeps images apart must not be refused: the ways of Keras to write it.
func TestSeparatePicturesAreSplit(t *testing.T) {
	const side, channels = 8, 16
	for name, keep := range map[string]func(*network, tf.Output) tf.Output{
		"squeeze and excite": func(n *network, x tf.Output) tf.Output {
			mean := op.Mean(n.next(), x, op.Const(n.next(), []int32{1, 2}))
			shape := op.Shape(n.next(), mean)
			zero, one := op.Const(n.next(), []int32{0}), op.Const(n.next(), []int32{1})
			count := op.StridedSlice(n.next(), shape, zero, one, one, op.StridedSliceShrinkAxisMask(1))
			ones := op.Const(n.next(), int32(1))
			packed := op.Pack(n.next(), []tf.Output{count, ones, ones, op.Const(n.next(), int32(channels))})
			return op.Mul(n.next(), x, op.Sigmoid(n.next(), op.Reshape(n.next(), mean, packed)))
		},
		"normalization": func(n *network, x tf.Output) tf.Output {
			square := op.Square(n.next(), n.constant(channels))
			y, _, _, _, _, _ := op.FusedBatchNormV3(n.next(), x, n.constant(channels), n.constant(channels), n.constant(channels), square,
				op.FusedBatchNormV3IsTraining(false))
			return y
		},
		"resized by half its size": func(n *network, x tf.Output) tf.Output {
			two, one := op.Const(n.next(), []int32{1}), op.Const(n.next(), []int32{1})
			sides := op.StridedSlice(n.next(), op.Shape(n.next(), x), two, op.Const(n.next(), []int32{3}), one)
			return op.ResizeBilinear(n.next(), x, sides)
		},
		"flat and back": func(n *network, x tf.Output) tf.Output {
			flat := op.Reshape(n.next(), x, op.Const(n.next(), []int32{-1, side * side * channels}))
			return op.Reshape(n.next(), op.Tanh(n.next(), flat), op.Const(n.next(), []int32{-1, side, side, channels}))
		},
		"padded and cut": func(n *network, x tf.Output) tf.Output {
			padded := op.Pad(n.next(), x, op.Const(n.next(), [][]int32{{0, 0}, {1, 1}, {1, 1}, {0, 0}}))
			return op.Slice(n.next(), padded, op.Const(n.next(), []int32{0, 0, 2, 0}), op.Const(n.next(), []int32{-1, side, side, -1}))
		},
		"split and joined": func(n *network, x tf.Output) tf.Output {
			halves := op.Split(n.next(), op.Const(n.next(), int32(3)), x, 2)
			return op.ConcatV2(n.next(), []tf.Output{halves[1], halves[0]}, op.Const(n.next(), int32(-1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, x := newNetwork(t, side, side, channels)
			n.tap("kept", op.Conv2D(n.next(), keep(n, x), n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
			compare(t, n.open(), 3, convolution.Options{Shares: 2, Verify: true})
		})
	}
}

// oneDNN's convolution of 1x1 gets the shape of an empty share wrong, so that none may be empty. Whichever
// way TensorFlow takes, fewer images than shares must be computed, in every layer.
func TestFewerPicturesThanShares(t *testing.T) {
	const side, channels = 8, 32
	n, x := newNetwork(t, side, side, 3)
	// Three branches, of which the middle one has the convolution of 1x1.
	first := op.Conv2D(n.next(), x, n.constant(3, 3, 3, channels), single, "SAME")
	wide := op.Conv2D(n.next(), x, n.constant(1, 1, 3, channels), single, "SAME")
	n.tap("first", first, side, side, channels)
	n.tap("second", op.Conv2D(n.next(), wide, n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
	n.tap("third", op.Conv2D(n.next(), first, n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
	model := n.open()
	want := [][][]float32{1: features(t, model, 1), 3: features(t, model, 3), 4: features(t, model, 4), 6: features(t, model, 6)}
	if err := convolution.Accelerate(model, convolution.Options{Shares: 4, Verify: true}); err != nil {
		t.Fatal(err)
	}
	for _, pictures := range []int{1, 3, 4, 6} {
		for i, got := range features(t, model, pictures) {
			if off := apart(want[pictures][i], got); len(got) != len(want[pictures][i]) || !(off < 2e-5) {
				t.Errorf("layer %s of %d images in 4 shares is off by %.1e of its largest value", model.Layers[i].Name, pictures, off)
			}
		}
	}
}

// A model that takes one image at a time, of four channels, is tried out with such images.
func TestOnePictureAtATime(t *testing.T) {
	const side, channels = 8, 16
	n, _ := newNetwork(t, side, side, 3)
	x := op.Placeholder(n.next(), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, side, side, 4)))
	n.model.Input, n.model.Channels, n.model.MaxBatch = x, 4, 1
	one := op.Reshape(n.next(), x, op.Const(n.next(), []int32{1, side, side, 4}))
	first := op.Conv2D(n.next(), one, n.constant(3, 3, 4, channels), single, "SAME")
	n.tap("first", first, side, side, channels)
	n.tap("second", op.Conv2D(n.next(), first, n.constant(3, 3, channels, channels), single, "SAME"), side, side, channels)
	model := n.open()
	compare(t, model, 1, convolution.Options{Shares: 4, Verify: true})
	if model.Convolutions.Count != 2 {
		t.Errorf("convolutions are %s", model.Convolutions)
	}
}

const oneDNN = "TF_ENABLE_ONEDNN_OPTS"

// The same where TensorFlow uses oneDNN, which it does by itself on some processors only.
func TestFewerPicturesThanSharesWithOneDNN(t *testing.T) {
	if os.Getenv(oneDNN) != "" {
		t.Skip(oneDNN + " is set already")
	}
	command := exec.Command(os.Args[0], "-test.run=^TestFewerPicturesThanShares$", "-test.v")
	command.Env = append(os.Environ(), oneDNN+"=1")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Control inputs: an assertion about the images that kernels, early and late nodes wait for.
func TestControlInputs(t *testing.T) {
	const side, channels = 8, 16
	n, x := newNetwork(t, side, side, channels)
	usual := op.All(n.next(), op.Less(n.next(), x, op.Const(n.next(), float32(1e4))), op.Const(n.next(), []int32{0, 1, 2, 3}))
	assertion := op.Assert(n.next(), usual, []tf.Output{op.Const(n.next(), "a pixel is too large")})
	waiting := func() *op.Scope { return n.next().WithControlDependencies(assertion) }
	kernel := op.Identity(waiting(), n.constant(3, 3, channels, channels)) // read after the assertion
	first := op.Relu(waiting(), op.BiasAdd(waiting(), op.Conv2D(waiting(), x, kernel, single, "SAME"), n.constant(channels)))
	n.tap("first", first, side, side, channels)
	second := op.Conv2D(n.next().WithControlDependencies(first.Op), first, n.constant(3, 3, channels, channels), single, "SAME")
	n.tap("second", second, side, side, channels)
	// Late, and waiting for an early one.
	n.tap("mean", op.Mean(n.next().WithControlDependencies(first.Op, assertion), second, op.Const(n.next(), []int32{1, 2})), channels)
	model := n.open()
	compare(t, model, 3, convolution.Options{Shares: 2, Verify: true})
	if model.Convolutions.Count != 2 {
		t.Errorf("%d of 2 convolutions were changed", model.Convolutions.Count)
	}
	pixels := make([]float32, 2*side*side*3)
	pixels[len(pixels)-1] = 1e6
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"second"}, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := extractor.Extract(pixels, 2); err == nil || !strings.Contains(err.Error(), "a pixel is too large") {
		t.Errorf("the assertion is lost: %v", err)
	}
}

// Keras writes a dilated convolution as three operations, whose names may end up the same. Between
// them, an image has several rows.
func TestLayersOfOneName(t *testing.T) {
	const side, channels, pictures = 8, 16, 3
	n, x := newNetwork(t, side, side, channels)
	first := op.Conv2D(n.next(), x, n.constant(3, 3, channels, channels), single, "SAME")
	block, margin := op.Const(n.next(), []int32{2, 2}), op.Const(n.next(), [][]int32{{2, 2}, {2, 2}})
	inner := op.Conv2D(n.next(), op.SpaceToBatchND(n.next(), first, block, margin), n.constant(3, 3, channels, channels), single, "VALID")
	dilated := op.BatchToSpaceND(n.next(), inner, block, op.Const(n.next(), [][]int32{{0, 0}, {0, 0}}))
	after := op.Conv2D(n.next(), dilated, n.constant(3, 3, channels, channels), single, "SAME")
	n.tap("first", first, side, side, channels)
	n.tap("dilated", inner, side/2, side/2, channels)
	n.tap("dilated", dilated, side, side, channels)
	n.tap("after", after, side, side, channels)
	model := n.open()
	values := func() [][]float32 {
		random := rand.New(rand.NewPCG(5, 6))
		input, err := inference.FillFloat32Tensor([]int{pictures, side, side, 3}, func(values []float32) error {
			for i := range values {
				values[i] = random.Float32()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tensors, err := model.Session.Run(map[tf.Output]*tf.Tensor{model.Input: input}, outputsOf(model), nil)
		if err != nil {
			t.Fatal(err)
		}
		var all [][]float32
		for _, tensor := range tensors {
			value, err := inference.Value(tensor)
			if err != nil {
				t.Fatal(err)
			}
			var flat []float32
			for _, a := range value.([][][][]float32) {
				for _, b := range a {
					for _, c := range b {
						flat = append(flat, c...)
					}
				}
			}
			all = append(all, flat)
		}
		return all
	}
	want, outputs := values(), outputsOf(model)
	if err := convolution.Accelerate(model, convolution.Options{Shares: 2, Verify: true}); err != nil {
		t.Fatal(err)
	}
	if model.Layers[1].Output != outputs[1] || model.Layers[2].Output == outputs[2] {
		t.Error("of the two layers called dilated, only the second can be computed in shares")
	}
	for i, got := range values() {
		if len(got) != len(want[i]) || !(apart(want[i], got) < 2e-5) {
			t.Errorf("layer %d, %s, is another one now", i, model.Layers[i].Name)
		}
	}
}
