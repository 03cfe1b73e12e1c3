package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	nodepb "github.com/galeone/tensorflow/tensorflow/go/core/framework/node_def_go_proto"

	"fovea/inference"
)

// Operations between the input and the first ones that have weights.
var (
	// passing keep values as they are, though perhaps not their positions or type.
	passing = map[string]bool{
		"Identity": true, "StopGradient": true, "PreventGradient": true, "CheckNumerics": true, "Snapshot": true, "Cast": true,
		"Transpose": true, "Reshape": true, "ExpandDims": true, "Squeeze": true, "EnsureShape": true, "ClipByValue": true, "MaxPool": true,
		"Pad": true, "PadV2": true, "MirrorPad": true, "ResizeBilinear": true, "ResizeNearestNeighbor": true, "ResizeBicubic": true, "ResizeArea": true,
	}
	// choosing select some of the channels, or join them, in any order.
	choosing = map[string]bool{
		"StridedSlice": true, "Slice": true, "Split": true, "SplitV": true, "Unpack": true, "GatherV2": true, "ReverseV2": true,
		"Concat": true, "ConcatV2": true, "Pack": true,
	}
	// weighing are the first operations of the network proper.
	weighing = map[string]bool{
		"Conv2D": true, "DepthwiseConv2dNative": true, "MatMul": true, "BatchMatMul": true, "BatchMatMulV2": true, "BatchMatMulV3": true,
		"Einsum": true, "XlaCallModule": true,
	}
	// arithmetic are the operations that normalizations consist of.
	arithmetic = map[string]string{
		"Sub": "subtracts", "Add": "adds", "AddV2": "adds", "BiasAdd": "adds", "Mul": "multiplies by", "MulNoNan": "multiplies by",
		"RealDiv": "divides by", "Div": "divides by", "DivNoNan": "divides by",
	}
)

// affine is what became of a value x of the input: scale*x + offset.
type affine struct{ scale, offset float64 }

// front is what a graph does to pixels before its first weights.
type front struct {
	// of are the values that reach the first weights: one for all channels, or one each.
	of []affine
	// steps describe what changes them, in order.
	steps []string
	// whole says that they become whole numbers, so that they can only be bytes.
	whole bool
	// unknown is the first operation that is not understood, if any.
	unknown string
	// first is the first operation with weights.
	first string
}

// findFront follows the pixels to the first weights.
func (l *loader) findFront(w *inputWay) (front, error) {
	f := front{}
	values := map[string][]affine{w.input: {{scale: 1}}}
	for _, name := range w.order {
		n := w.node(name)
		pixels := slices.DeleteFunc(w.inputs(n), func(in string) bool { return values[in] == nil })
		if len(pixels) == 0 || w.sizes[name] {
			continue
		}
		switch kind := n.GetOp(); {
		case weighing[kind]:
			if f.first == "" {
				f.first = withoutCalls(name)
			}
			f.of = append(f.of, values[pixels[0]]...)
		case passing[kind]:
			values[name] = values[pixels[0]]
			f.note(castStep(n))
			f.whole = f.whole || castStep(n) != ""
		case choosing[kind]:
			values[name] = together(values, pixels)
		case arithmetic[kind] != "" && len(w.inputs(n)) == 2 && len(pixels) == 1:
			operand, err := l.operand(w, n, pixels[0])
			if err != nil {
				return f, err
			}
			values[name] = f.apply(n, operand, values[pixels[0]], w.inputs(n)[0] == pixels[0])
		}
		if values[name] == nil && !weighing[n.GetOp()] {
			f.unknown = withoutCalls(name) + ", " + n.GetOp()
			return f, nil
		}
	}
	return f, nil
}

func (f *front) note(step string) {
	if step != "" && !slices.Contains(f.steps, step) {
		f.steps = append(f.steps, step)
	}
}

// castStep describes a cast to whole numbers.
func castStep(n *nodepb.NodeDef) string {
	kind := strings.ToLower(strings.TrimPrefix(n.GetAttr()["DstT"].GetType().String(), "DT_"))
	if n.GetOp() != "Cast" || !strings.HasPrefix(kind, "int") && !strings.HasPrefix(kind, "uint") {
		return ""
	}
	return "casts to " + kind
}

// together joins the values of several tensors that are selected from or concatenated. All are
// kept: it does not matter which one goes where.
func together(values map[string][]affine, names []string) []affine {
	var all []affine
	for _, name := range names {
		all = append(all, values[name]...)
	}
	if slices.ContainsFunc(all, func(a affine) bool { return a != all[0] }) {
		return all
	}
	return all[:1]
}

// apply returns what an operation with known numbers makes of values, or nil if it is not
// understood.
func (f *front) apply(n *nodepb.NodeDef, numbers []float64, before []affine, first bool) []affine {
	verb := arithmetic[n.GetOp()]
	if len(numbers) == 0 || len(numbers) > 1 && len(before) > 1 && len(numbers) != len(before) || verb == "divides by" && !first {
		return nil
	}
	neutral := 0.0
	if verb == "multiplies by" || verb == "divides by" {
		neutral = 1
	}
	if slices.ContainsFunc(numbers, func(v float64) bool { return v != neutral }) {
		f.note(verb + " " + list(numbers))
	}
	after := make([]affine, max(len(numbers), len(before)))
	for i := range after {
		a, v := before[i%len(before)], numbers[i%len(numbers)]
		switch {
		case verb == "subtracts" && first:
			a.offset -= v
		case verb == "subtracts":
			a.scale, a.offset = -a.scale, v-a.offset
		case verb == "adds":
			a.offset += v
		case verb == "multiplies by":
			a.scale, a.offset = a.scale*v, a.offset*v
		default:
			a.scale, a.offset = a.scale/v, a.offset/v
		}
		after[i] = a
	}
	return after
}

func list(numbers []float64) string {
	texts := make([]string, len(numbers))
	for i, v := range numbers {
		texts[i] = fmt.Sprintf("%.6g", v)
	}
	return strings.Join(slices.Compact(texts), "/")
}

// operand is the other operand of an operation on pixels: one number for all channels, or one each;
// nil if it depends on the pixels. One that is not constant, such as the root of a variance held in
// a variable, is computed. An operand that is a whole image counts by the means of its channels.
func (l *loader) operand(w *inputWay, n *nodepb.NodeDef, pixels string) ([]float64, error) {
	for _, reference := range dataInputs(n) {
		name := inference.Producer(reference)
		if name == pixels {
			continue
		}
		if w.depends[name] {
			return nil, nil
		}
		if values, known := w.constant(name); known {
			return perChannel(values, l.input.channels), nil
		}
		if l.static {
			values, err := w.evaluate(name)
			l.uncomputed = l.uncomputed || err != nil
			return perChannel(values, l.input.channels), nil
		}
		if l.computed == nil {
			if err := l.compute(w); err != nil {
				return nil, err
			}
		}
		return l.computed[reference], nil
	}
	return nil, nil
}

// compute runs all parts of the graph that yield non-constant operands before the first weights.
// They need no image. They are run together, because TensorFlow prepares the whole graph for each
// run.
func (l *loader) compute(w *inputWay) error {
	l.computed = map[string][]float64{}
	references, outputs, err := l.toCompute(w)
	if err != nil || len(outputs) == 0 {
		return err
	}
	tensors, err := l.loaded.Session.Run(nil, outputs, nil)
	if err != nil {
		return fmt.Errorf("%w: compute the constants that normalize pixels: %w", ErrFormat, err)
	}
	for i, reference := range references {
		size := int64(1)
		for _, d := range tensors[i].Shape() {
			size *= d
		}
		if size > maxSide*maxSide || size < 1 {
			continue
		}
		values := make([]float32, size)
		if err := inference.CopyFloat32(values, tensors[i]); err != nil {
			return err
		}
		l.computed[reference] = perChannel(widened(values), l.input.channels)
	}
	return nil
}

// toCompute are the tensors that arithmetic before the first weights combines images with, unless they are constants.
func (l *loader) toCompute(w *inputWay) (references []string, outputs []tf.Output, err error) {
	after := map[string]bool{} // the first weights
	for _, name := range w.order {
		n := w.node(name)
		if weighing[n.GetOp()] || slices.ContainsFunc(w.inputs(n), func(in string) bool { return after[in] }) {
			after[name] = true
			continue
		}
		for _, reference := range dataInputs(n) {
			from := inference.Producer(reference)
			if _, known := w.constant(from); known || arithmetic[n.GetOp()] == "" || w.depends[from] || slices.Contains(references, reference) {
				continue
			}
			output, err := l.flatOutput(reference)
			if err != nil {
				return nil, nil, err
			}
			if output.DataType() == tf.Float {
				references, outputs = append(references, reference), append(outputs, output)
			}
		}
	}
	return references, outputs, nil
}

// perChannel reduces values to one number, or one for each channel: the means of more.
func perChannel(values []float64, channels int) []float64 {
	channels = max(channels, 1)
	switch {
	case len(values) <= 1 || len(values) == channels:
		return values
	case len(values)%channels != 0:
		return nil
	}
	means := make([]float64, channels)
	for i, v := range values {
		means[i%channels] += v / float64(len(values)/channels)
	}
	return means
}
