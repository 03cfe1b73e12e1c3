package savedmodel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/preprocessing"
)

// frontOf finds the front of a graph of nodes without TensorFlow.
func frontOf(t *testing.T, channels int, all ...*nodepb.NodeDef) front {
	t.Helper()
	w := &inputWay{nodes: map[string]*nodepb.NodeDef{}, input: "x", depends: map[string]bool{"x": true}, sizes: map[string]bool{}}
	for _, n := range all {
		w.nodes[n.GetName()] = n
		for _, input := range w.inputs(n) {
			w.depends[n.GetName()] = w.depends[n.GetName()] || w.depends[input]
		}
		if w.depends[n.GetName()] {
			w.order = append(w.order, n.GetName())
			w.sizes[n.GetName()] = n.GetOp() == "Shape"
		}
	}
	l := &loader{input: picture{channels: channels}, computed: map[string][]float64{}}
	f, err := l.findFront(w)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Pixels are followed through arithmetic, casts and choices of channels to the first weights.
func TestFindFront(t *testing.T) {
	half, means := floats("half", nil, 127.5), floats("means", []int64{3}, 103, 116, 123)
	toByte := node("b = Cast(x)", typed("DstT", tf.Uint8))
	for name, test := range map[string]struct {
		nodes   []*nodepb.NodeDef
		of      []affine
		steps   string
		unknown string
		whole   bool
	}{
		"straight in":     {nodes: nodes("conv = Conv2D(x, w)"), of: []affine{{1, 0}}},
		"divided":         {nodes: []*nodepb.NodeDef{half, node("d = RealDiv(x, half)"), node("conv = Conv2D(d, w)")}, of: []affine{{1 / 127.5, 0}}, steps: "divides by 127.5"},
		"less means":      {nodes: []*nodepb.NodeDef{means, node("s = Sub(x, means)"), node("conv = Conv2D(s, w)")}, of: []affine{{1, -103}, {1, -116}, {1, -123}}, steps: "subtracts 103/116/123"},
		"turned round":    {nodes: []*nodepb.NodeDef{half, node("s = Sub(half, x)"), node("conv = Conv2D(s, w)")}, of: []affine{{-1, 127.5}}, steps: "subtracts 127.5"},
		"several steps":   {nodes: []*nodepb.NodeDef{half, floats("one", nil, 1), node("d = RealDiv(x, half)"), node("i = Identity(d)"), node("s = Sub(i, one)"), node("conv = MatMul(s, w)")}, of: []affine{{1 / 127.5, -1}}, steps: "divides by 127.5, subtracts 1"},
		"behind identity": {nodes: []*nodepb.NodeDef{half, node("again = Identity(half)"), node("d = Mul(again, x)"), node("conv = Conv2D(d, w)")}, of: []affine{{127.5, 0}}, steps: "multiplies by 127.5"},
		"times one":       {nodes: []*nodepb.NodeDef{floats("one", nil, 1), node("d = Mul(x, one)"), node("conv = Conv2D(d, w)")}, of: []affine{{1, 0}}},
		"whole numbers":   {nodes: []*nodepb.NodeDef{toByte, node("conv = Conv2D(b, w)")}, of: []affine{{1, 0}}, steps: "casts to uint8", whole: true},
		"channels apart": {nodes: []*nodepb.NodeDef{half, node("a = StridedSlice(x)"), node("b = StridedSlice(x)"), node("m = Mul(a, half)"), node("p = Pack(m, b)"), node("conv = Conv2D(p, w)")},
			of: []affine{{127.5, 0}, {1, 0}}, steps: "multiplies by 127.5"},
		"two branches":      {nodes: []*nodepb.NodeDef{half, node("m = Mul(x, half)"), node("c1 = Conv2D(m, w)"), node("c2 = Conv2D(x, w)")}, of: []affine{{127.5, 0}, {1, 0}}, steps: "multiplies by 127.5"},
		"of its shape":      {nodes: []*nodepb.NodeDef{node("s = Shape(x)"), node("conv = Conv2D(x, w)")}, of: []affine{{1, 0}}},
		"not understood":    {nodes: nodes("e = Exp(x)", "conv = Conv2D(e, w)"), unknown: "e, Exp"},
		"by itself":         {nodes: nodes("m = Mul(x, x)", "conv = Conv2D(m, w)"), unknown: "m, Mul"},
		"divided by pixels": {nodes: []*nodepb.NodeDef{half, node("d = RealDiv(half, x)"), node("conv = Conv2D(d, w)")}, unknown: "d, RealDiv"},
		"odd numbers":       {nodes: []*nodepb.NodeDef{floats("two", []int64{2}, 1, 2), node("s = Sub(x, two)"), node("conv = Conv2D(s, w)")}, unknown: "s, Sub"},
	} {
		t.Run(name, func(t *testing.T) {
			f := frontOf(t, 3, test.nodes...)
			if !slices.Equal(f.of, test.of) || strings.Join(f.steps, ", ") != test.steps || f.unknown != test.unknown || f.whole != test.whole {
				t.Errorf("%+v", f)
			}
		})
	}
	// A picture of means counts by the means of its channels.
	f := frontOf(t, 3, floats("means", []int64{1, 2, 3}, 1, 2, 3, 3, 4, 5), node("s = Sub(x, means)"), node("conv = Conv2D(s, w)"))
	checkEqual(t, "a picture of means", f.of, []affine{{1, -2}, {1, -3}, {1, -4}})
}

// What is found for a chain of operations is what the chain computes.
func TestFrontComputesItsChain(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var all []*nodepb.NodeDef
		last, value := "x", []float64{200}
		for step := range 1 + r.IntN(5) {
			operand := float64(float32(r.NormFloat64()*50 + 100))
			c, name := floats(fmt.Sprintf("c%d", step), nil, float32(operand)), fmt.Sprintf("n%d", step)
			kind := []string{"Sub", "AddV2", "Mul", "RealDiv"}[r.IntN(4)]
			first := kind == "RealDiv" || r.IntN(2) == 0
			inputs := map[bool]string{true: last + ", " + c.GetName(), false: c.GetName() + ", " + last}[first]
			all = append(all, c, node(name+" = "+kind+"("+inputs+")"))
			switch {
			case kind == "Sub" && first:
				value[0] -= operand
			case kind == "Sub":
				value[0] = operand - value[0]
			case kind == "AddV2":
				value[0] += operand
			case kind == "Mul":
				value[0] *= operand
			default:
				value[0] /= operand
			}
			last = name
		}
		f := frontOf(t, 3, append(all, node("conv = Conv2D("+last+", w)"))...)
		if len(f.of) != 1 {
			t.Fatalf("seed %d: %+v", seed, f)
		}
		got, scale := f.of[0].scale*200+f.of[0].offset, max(1, abs(value[0]), abs(f.of[0].offset))
		if abs(got-value[0]) > 1e-9*scale {
			t.Errorf("seed %d: 200 becomes %g, want %g", seed, got, value[0])
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

// Families are known by layers that only they have, with the numbers that Keras adds or not.
func TestHint(t *testing.T) {
	for names, want := range map[string]string{
		"block1_conv1 block5_conv2":                           "VGG",
		"vgg_1/block1_conv1_1/Relu vgg_1/block5_conv2_1/Relu": "VGG",
		"block1_conv1 block2_sepconv1":                        "Xception",
		"conv1_conv conv2_block1_1_conv":                      "ResNet",
		"conv1_conv conv2_block1_preact_bn":                   "ResNetV2",
		"conv1_conv conv2_block1_1_conv pool2_conv":           "DenseNet",
		"Conv1 expanded_conv_depthwise":                       "MobileNetV2",
		"conv_dw_1 conv_pw_1":                                 "MobileNet",
		"block1_conv1":                                        "",
		"myblock1_conv1 block5_conv2x":                        "",
		"":                                                    "",
	} {
		w := &inputWay{order: strings.Fields(names)}
		if got, how := w.hint(); got != want || how.IsZero() != (want == "") {
			t.Errorf("%q is %q, %s", names, got, how)
		}
	}
}

// Where nothing tells how pixels are to be given, the text says why, and lists what the input can take.
func TestSettle(t *testing.T) {
	way := func(all ...*nodepb.NodeDef) *inputWay {
		w := &inputWay{nodes: map[string]*nodepb.NodeDef{}, input: "x", depends: map[string]bool{"x": true}, sizes: map[string]bool{}}
		for _, n := range all {
			w.nodes[n.GetName()] = n
			if n.GetOp() != "Const" {
				w.order, w.depends[n.GetName()] = append(w.order, n.GetName()), true
			}
		}
		return w
	}
	settle := func(channels int, w *inputWay) (preprocessing.Spec, string, string) {
		how, found, unknown, err := (&loader{input: picture{key: "image", channels: channels}, computed: map[string][]float64{}}).settle(w)
		if err != nil {
			t.Fatal(err)
		}
		return how, found, unknown
	}
	scaled := []*nodepb.NodeDef{floats("c", nil, 255), node("d = RealDiv(x, c)"), node("net/conv = Conv2D(d, w)")}
	if how, found, unknown := settle(3, way(scaled...)); how != preprocessing.None || found != "its graph divides by 255 before net/conv" || unknown != "" {
		t.Errorf("%s, %q, %q", how, found, unknown)
	}
	for name, test := range map[string]struct {
		channels int
		way      *inputWay
		want     []string
		without  string
	}{
		"nothing":  {3, way(nodes("conv = Conv2D(x, w)")...), []string{"nothing before its first layer, conv, changes", "torch", "caffe"}, "published"},
		"unknown":  {3, way(nodes("e = Exp(x)", "conv = Conv2D(e, w)")...), []string{"something unknown to the pixels (e, Exp)"}, "published"},
		"no tell":  {3, way(floats("c", nil, 1000), node("d = Mul(x, c)"), node("conv = Conv2D(d, w)")), []string{"multiplies by 1000, from which"}, "published"},
		"a family": {3, way(nodes("block1_conv1 = Conv2D(x, w)", "block5_conv2 = Conv2D(block1_conv1, w)")...), []string{"Keras's VGG, which was published for caffe"}, "not known"},
		"grey":     {1, way(nodes("conv = Conv2D(x, w)")...), []string{"nothing before"}, "torch"},
	} {
		how, _, unknown := settle(test.channels, test.way)
		for _, want := range test.want {
			if !how.IsZero() || !strings.Contains(unknown, want) {
				t.Errorf("%s: %s, %q, want %q", name, how, unknown, want)
			}
		}
		if strings.Contains(unknown, test.without) {
			t.Errorf("%s: %q speaks of %q", name, unknown, test.without)
		}
	}
}

// Names lose the numbers that tell copies apart, and calls that only lead to them.
func TestNameParts(t *testing.T) {
	for name, want := range map[string]string{"conv_1": "conv", "conv2d_12": "conv2d", "block1_conv1": "block1_conv1", "_1": "_1", "conv_": "conv_", "conv_-1": "conv_-1", "a/b_2": "a/b"} {
		if got, found := cutNumber(name); got != want || found != (got != name) {
			t.Errorf("%q without its number is %q, %t", name, got, found)
		}
	}
	checkEqual(t, "endings", endings("outer_1/small_1/fc1_1"), []string{"outer_1/small_1/fc1", "small_1/fc1_1", "small_1/fc1", "fc1_1", "fc1"})
	checkEqual(t, "endings of one part", endings("relu"), nil)
	for name, want := range map[string]string{
		"flat/StatefulPartitionedCall/small_1/fc1_1/Relu": "small_1/fc1_1/Relu", "flat_cut/PartitionedCall_2/StatefulPartitionedCall/x": "x",
		"flat/StatefulPartitionedCall": "StatefulPartitionedCall", "small/conv1": "small/conv1",
	} {
		if got := withoutCalls(name); got != want {
			t.Errorf("%q without calls is %q, want %q", name, got, want)
		}
	}
	w := &way{scopes: map[string]bool{"flat": true, "flat/PartitionedCall": true, "flat/PartitionedCall/a": true, "flat/PartitionedCall/a/b": true}}
	checkEqual(t, "scopes", w.scopesOf("flat/PartitionedCall/a/b/Relu"), []string{"flat/PartitionedCall/a", "flat/PartitionedCall/a/b"})
	for operation, want := range map[string]bool{"a/b": true, "a/b/Relu": true, "a/bc": false, "a": false} {
		if within(operation, "a/b") != want {
			t.Errorf("%s is within a/b: %t", operation, !want)
		}
	}
}

// Numbers are additions where variables have the layers' names without them, and names where they have them.
func TestNumbersCopies(t *testing.T) {
	for name, test := range map[string]struct {
		nodes []*nodepb.NodeDef
		want  bool
	}{
		"added":           {nodes("net_1/conv_1/read = ReadVariableOp(net/conv/kernel)"), true},
		"kept":            {nodes("net/conv_1/read = ReadVariableOp(net/conv_1/kernel)"), false},
		"both":            {nodes("net_1/conv_1/read = ReadVariableOp(net/conv/kernel)", "b_2/read = ReadVariableOp(b_2/bias)"), false},
		"no numbers":      {nodes("net/conv/read = ReadVariableOp(net/conv/kernel)"), false},
		"other variables": {nodes("net/conv_1/read = ReadVariableOp(params/0)"), false},
		"no variables":    {nodes("net/conv_1/Relu = Relu(x)"), false},
	} {
		if got := numbersCopies(test.nodes); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Modules are refused by the newer of two versions: the calling convention's or StableHLO's.
func TestXLALimits(t *testing.T) {
	limits := xlaLimits{convention: 9, major: 1, minor: 8}
	for _, test := range []struct {
		convention int64
		version    string
		refused    bool
	}{
		{9, "1.8.2", false}, {8, "0.19.0", false}, {9, "", false}, {9, "1.9.0", true}, {9, "2.0.0", true}, {10, "1.0.0", true}, {10, "", true}, {9, "odd", false},
	} {
		module := "ML\xefR\x0dStableHLO_v" + test.version + "\x00rest"
		if test.version == "" {
			module = ""
		}
		n := node("net/call = XlaCallModule(x)", number("version", test.convention), text("module", module))
		if err := limits.check(n); (err != nil) != test.refused || err != nil && !strings.Contains(err.Error(), "net/call is a module of JAX") {
			t.Errorf("convention %d, StableHLO %q: %v", test.convention, test.version, err)
		}
	}
}
