package savedmodel

import (
	"math"
	"slices"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// rowsSide is the height and width of the images that operations are tried with.
const rowsSide = 4

// rowsInput begins every graph here: images behind a Relu, and a row of four numbers for each.
func rowsInput() []*nodepb.NodeDef {
	return []*nodepb.NodeDef{
		node("x = Placeholder()", typed("dtype", tf.Float), attributes{"shape": shapeAttribute(-1, rowsSide, rowsSide, 3)}),
		node("r = Relu(x)", typed("T", tf.Float)),
		ints("positions", 1, 2),
		node("v = Mean(r, positions)", typed("T", tf.Float), typed("Tidx", tf.Int32)),
	}
}

// What is said to keep images apart gives each image of a batch what it gives it alone, computed by
// TensorFlow; what is said to fix the batch gives one row for two.
func TestRowsAgreeWithComputing(t *testing.T) {
	float, index := typed("T", tf.Float), typed("Tidx", tf.Int32)
	conv := attributes{}
	for _, some := range []attributes{float, integers("strides", 1, 1, 1, 1), text("padding", "SAME")} {
		for key, value := range some {
			conv[key] = value
		}
	}
	kernel := make([]float32, 3*3*3*2)
	for i := range kernel {
		kernel[i] = float32(i%5) - 2
	}
	square := []float32{1, 2, -1, 0, 3, 1, 2, -2, 1}
	norm := func(training bool) []*nodepb.NodeDef {
		return []*nodepb.NodeDef{
			floats("one", []int64{3}, 1, 2, 3), floats("none", []int64{0}),
			node("y = FusedBatchNormV3(r, one, one, "+map[bool]string{true: "none, none)", false: "one, one)"}[training], float, typed("U", tf.Float), flag("is_training", training)),
		}
	}
	type answer int
	const (
		apart answer = iota
		unknown
		mixes // unknown, and truly not apart
		fixed
	)
	for name, test := range map[string]struct {
		nodes []*nodepb.NodeDef // the last one is tried
		want  answer
	}{
		"convolution":                         {[]*nodepb.NodeDef{floats("k", []int64{3, 3, 3, 2}, kernel...), node("y = Conv2D(r, k)", conv)}, apart},
		"convolution by it":                   {[]*nodepb.NodeDef{ints("s", 3, 3, 3, 2), ints("all", 0, 1, 2, 3), node("m = Mean(r, all)", float, index), node("k = Fill(s, m)", float, typed("index_type", tf.Int32)), node("y = Conv2D(r, k)", conv)}, mixes},
		"a mean of a map":                     {[]*nodepb.NodeDef{ints("a", 1, 2), node("y = Mean(r, a)", float, index)}, apart},
		"a mean from the end":                 {[]*nodepb.NodeDef{ints("a", -1), node("y = Mean(r, a)", float, index)}, apart},
		"a mean of the batch":                 {[]*nodepb.NodeDef{ints("a", 0), node("m = Mean(r, a)", float, index), node("y = Sub(r, m)", float)}, mixes},
		"a maximum from the end of the batch": {[]*nodepb.NodeDef{ints("a", -4), node("m = Max(r, a)", float, index), node("y = Sub(r, m)", float)}, mixes},
		"adding a constant":                   {[]*nodepb.NodeDef{floats("c", []int64{3}, 1, 2, 3), node("y = AddV2(r, c)", float)}, apart},
		"adding itself":                       {[]*nodepb.NodeDef{node("y = AddV2(r, r)", float)}, apart},
		"adding other ranks":                  {[]*nodepb.NodeDef{node("y = AddV2(r, v)", float)}, unknown},
		"softmax":                             {[]*nodepb.NodeDef{node("y = Softmax(v)", float)}, apart},
		"batch norm":                          {norm(false), apart},
		"training batch norm":                 {norm(true), mixes},
		"product with weights":                {[]*nodepb.NodeDef{floats("w", []int64{3, 3}, square...), node("y = MatMul(v, w)", float)}, apart},
		"product with itself":                 {[]*nodepb.NodeDef{node("y = MatMul(v, v)", float, flag("transpose_b", true))}, mixes},
		"product, turned":                     {[]*nodepb.NodeDef{node("y = MatMul(v, v)", float, flag("transpose_a", true))}, unknown},
		"to channels first":                   {[]*nodepb.NodeDef{ints("o", 0, 3, 1, 2), node("y = Transpose(r, o)", float, typed("Tperm", tf.Int32))}, apart},
		"images last":                         {[]*nodepb.NodeDef{ints("o", 3, 1, 2, 0), node("y = Transpose(r, o)", float, typed("Tperm", tf.Int32))}, unknown},
		"flattening":                          {[]*nodepb.NodeDef{ints("s", -1, rowsSide*rowsSide*3), node("y = Reshape(r, s)", float, typed("Tshape", tf.Int32))}, apart},
		"other rows":                          {[]*nodepb.NodeDef{ints("s", -1, 12), node("y = Reshape(r, s)", float, typed("Tshape", tf.Int32))}, unknown},
		"a batch of one":                      {[]*nodepb.NodeDef{ints("s", 1, -1), node("y = Reshape(r, s)", float, typed("Tshape", tf.Int32))}, fixed},
		"channels together":                   {[]*nodepb.NodeDef{ints("a", 3), node("a0 = Squeeze(a)", typed("T", tf.Int32)), node("y = ConcatV2(r, r, a0)", float, index, number("N", 2))}, unknown},
		"channels joined":                     {[]*nodepb.NodeDef{scalar("a", 3), node("y = ConcatV2(r, r, a)", float, index, number("N", 2))}, apart},
		"batches joined":                      {[]*nodepb.NodeDef{scalar("a", 0), node("y = ConcatV2(r, r, a)", float, index, number("N", 2))}, unknown},
		"padded":                              {[]*nodepb.NodeDef{matrix("p", 4, 0, 0, 1, 1, 2, 2, 0, 0), node("y = Pad(r, p)", float, typed("Tpaddings", tf.Int32))}, apart},
		"padded with images":                  {[]*nodepb.NodeDef{matrix("p", 4, 1, 0, 0, 0, 0, 0, 0, 0), node("y = Pad(r, p)", float, typed("Tpaddings", tf.Int32))}, unknown},
		"a running sum":                       {[]*nodepb.NodeDef{scalar("a", 0), node("y = Cumsum(r, a)", float, index)}, mixes},
		"the batch turned":                    {[]*nodepb.NodeDef{ints("a", 0), node("y = ReverseV2(r, a)", float, index)}, mixes},
	} {
		t.Run(name, func(t *testing.T) {
			all := append(rowsInput(), test.nodes...)
			graph, operations := imported(t, all)
			l := &loader{flat: newFlattener(metaOf(all)), input: picture{tensor: "x:0"}}
			gotFixed, gotApart := l.newInputWay(operations).rows()
			if gotFixed != (test.want == fixed) || gotApart != (test.want == apart) {
				t.Errorf("fixed %t, apart %t", gotFixed, gotApart)
			}
			if test.want == unknown {
				return
			}
			alone, together := compareRows(t, graph, operations[len(operations)-1].Output(0))
			switch same := slices.EqualFunc(alone, together, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }); {
			case test.want == apart && !same:
				t.Errorf("computed together, images give other values: %v, %v", alone[:3], together[:3])
			case test.want != apart && same && len(alone) == len(together) && test.want != fixed:
				t.Error("computed together, images give the same values: the test is wrong")
			}
		})
	}
}

func scalar(name string, value int32) *nodepb.NodeDef {
	n := ints(name, value)
	n.Attr["value"].GetTensor().TensorShape.Dim = nil
	return n
}

func matrix(name string, rows int64, values ...int32) *nodepb.NodeDef {
	n := ints(name, values...)
	n.Attr["value"].GetTensor().TensorShape = tensorShape(rows, int64(len(values))/rows)
	return n
}

// compareRows computes a tensor of two images one by one and in one batch.
func compareRows(t *testing.T, graph *tf.Graph, output tf.Output) (alone, together []float32) {
	t.Helper()
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	compute := func(values []float32) []float32 {
		const size = rowsSide * rowsSide * 3
		tensor, err := inference.NewFloat32Tensor([]int{len(values) / size, rowsSide, rowsSide, 3}, values)
		if err != nil {
			t.Fatal(err)
		}
		results, err := session.Run(map[tf.Output]*tf.Tensor{graph.Operation("x").Output(0): tensor}, []tf.Output{output}, nil)
		if err != nil {
			t.Fatal(err)
		}
		count := int64(1)
		for _, d := range results[0].Shape() {
			count *= d
		}
		got := make([]float32, count)
		if err := inference.CopyFloat32(got, results[0]); err != nil {
			t.Fatal(err)
		}
		return got
	}
	pixels := goldenInput(2, rowsSide)
	half := len(pixels) / 2
	return append(compute(pixels[:half:half]), compute(pixels[half:])...), compute(pixels)
}

// The shape of a layer is that of one image's values; for what has none it says why.
func TestFeatureShape(t *testing.T) {
	for _, test := range []struct {
		kind  tf.DataType
		dims  []int64 // nil for an unknown rank
		batch int64
		open  bool
		want  []int
		why   string
	}{
		{tf.Float, []int64{-1, 8}, 0, false, []int{8}, ""},
		{tf.Half, []int64{-1, 4, 5, 6}, 0, false, []int{4, 5, 6}, ""},
		{tf.Bfloat16, []int64{-1, 17, 6}, 0, false, []int{17, 6}, ""},
		{tf.Double, []int64{-1}, 0, false, []int{1}, ""},
		{tf.Float, []int64{1, 8}, 0, false, []int{8}, ""},
		{tf.Float, []int64{61, 8}, 61, false, []int{8}, ""},
		{tf.Float, []int64{-1, -1, -1, 6}, 0, true, []int{0, 0, 6}, ""},
		{tf.Int32, []int64{-1, 8}, 0, false, nil, "of type int32"},
		{tf.Float, nil, 0, false, nil, "how many dimensions"},
		{tf.Float, []int64{}, 0, false, nil, "one number for a whole batch"},
		{tf.Float, []int64{3}, 0, false, nil, "does not begin with the images"},
		{tf.Float, []int64{2, 8}, 0, false, nil, "does not begin with the images"},
		{tf.Float, []int64{60, 8}, 61, false, nil, "does not begin with the images"},
		{tf.Float, []int64{-1, 2, 3, 4, 5}, 0, false, nil, "not a vector, tokens or a map"},
		{tf.Float, []int64{-1, -1, 4, 6}, 0, false, nil, "not known before it is computed"},
		{tf.Float, []int64{-1, -1}, 0, true, nil, "not known before it is computed"},
		{tf.Float, []int64{-1, 0}, 0, false, nil, "not known before it is computed"},
	} {
		shape := attributes{}
		if test.dims != nil {
			shape["shape"] = shapeAttribute(test.dims...)
		}
		_, operations := imported(t, []*nodepb.NodeDef{node("x = Placeholder()", typed("dtype", test.kind), shape)})
		got, why := featureShape(operations[0].Output(0), test.batch, test.open)
		if !slices.Equal(got, test.want) || (why == "") != (test.why == "") || !containsText(why, test.why) {
			t.Errorf("%v of type %d in a batch of %d: %v, %q", test.dims, test.kind, test.batch, got, why)
		}
	}
}

// The order of dimensions is followed through transpositions and what names it.
func TestLayouts(t *testing.T) {
	nchw, nhwc := text("data_format", "NCHW"), text("data_format", "NHWC")
	all := []*nodepb.NodeDef{
		ints("first", 0, 3, 1, 2), ints("last", 0, 2, 3, 1), ints("same", 0, 1, 2, 3), ints("odd", 0, 2, 1, 3),
		node("x = Placeholder()"), node("keep = Relu(x)"), node("turn = Transpose(keep, first)"), node("conv = Conv2D(turn)", nchw), node("bias = BiasAdd(conv)", nhwc),
		node("stay = Transpose(bias, same)"), node("back = Transpose(stay, last)"), node("swap = Transpose(back, odd)"), node("again = MaxPool(swap)", nhwc),
		node("spread = Reshape(again)"), node("after = Relu(spread)"), node("unknown = Transpose(again, x)"), node("join = ConcatV2(spread, turn)"),
	}
	w := &inputWay{nodes: map[string]*nodepb.NodeDef{}, input: "x"}
	for _, n := range all {
		w.nodes[n.GetName()] = n
		if n.GetOp() != "Const" && n.GetName() != "x" {
			w.order = append(w.order, n.GetName())
		}
	}
	got := w.layouts(channelsLast)
	for name, want := range map[string]layout{
		"x": channelsLast, "keep": channelsLast, "turn": channelsFirst, "conv": channelsFirst, "bias": channelsFirst, "stay": channelsFirst,
		"back": channelsLast, "swap": unknownLayout, "again": channelsLast, "spread": unknownLayout, "after": unknownLayout, "unknown": unknownLayout, "join": channelsFirst,
	} {
		if got[name] != want {
			t.Errorf("%s has layout %d, want %d", name, got[name], want)
		}
	}
}

// Where a signature leaves the channels open, the first operation that has an order tells it, seen through
// the transpositions before it.
func TestFirstLayout(t *testing.T) {
	turn := []*nodepb.NodeDef{ints("order", 0, 3, 1, 2), node("turn = Transpose(x, order)")}
	for name, test := range map[string]struct {
		nodes []*nodepb.NodeDef
		want  layout
	}{
		"none":         {nodes("r = Relu(x)"), unknownLayout},
		"last":         {[]*nodepb.NodeDef{node("c = Conv2D(x)", text("data_format", "NHWC"))}, channelsLast},
		"first":        {[]*nodepb.NodeDef{node("c = Conv2D(x)", text("data_format", "NCHW"))}, channelsFirst},
		"turned first": {append(slices.Clone(turn), node("c = Conv2D(turn)", text("data_format", "NCHW"))), channelsLast},
		"turned last":  {append(slices.Clone(turn), node("c = Conv2D(turn)", text("data_format", "NHWC"))), channelsFirst},
		"turned twice": {append(slices.Clone(turn), ints("order2", 0, 2, 3, 1), node("t2 = Transpose(turn, order2)"), node("c = Conv2D(t2)", text("data_format", "NCHW"))), channelsFirst},
	} {
		flat := newFlattener(metaOf(nil))
		flat.nodes = test.nodes
		l := &loader{flat: flat, input: picture{tensor: "x:0"}}
		if got := l.firstLayout(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
