package savedmodel

import (
	"errors"
	"fmt"
	"math"
	"slices"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// Examine is Open without running anything: the model has no session, and must not be closed. Its
// layers are those of Open as far as the graph alone shows them; Notes say what it does not show.
// TensorFlow infers their shapes, which executes at most constant parts of pure operations. A
// signature that would do more than compute is ErrUntrusted, and TensorFlow does not see it.
func Examine(dir string, options Options) (*inference.Model, error) {
	l, err := prepare(dir, options)
	if err != nil {
		return nil, err
	}
	defer l.digest.abandon()
	if computing := slices.DeleteFunc(slices.Clone(l.program.impure), func(i Impure) bool { return i.When != bySignature(l.signature) }); len(computing) > 0 {
		return nil, refuse(dir, computing)
	}
	l.static = true
	graph, err := l.importGraph(false)
	if err != nil {
		return nil, err
	}
	l.loaded = &tf.SavedModel{Graph: graph}
	model, err := l.model()
	if err != nil {
		return nil, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	model.Name = nameOf(dir, options.Signature)
	model.SHA256, err = l.digest.wait()
	return model, err
}

// noteRandom says why no layers are listed: random layers that do nothing by themselves are left out
// of an opened model, and that has to be tried.
func (l *loader) noteRandom() {
	l.notes = append(l.notes, fmt.Sprintf("the graph has random operations, such as %s: which layers do without them shows when the model is opened, as extract --list-layers does", withoutCalls(l.acting[0])))
}

// errComputed marks numbers that the graph computes from more than constants.
var errComputed = errors.New("it is computed")

// evaluate gives the values of a tensor that follows from constants by simple arithmetic, as in the
// root of a variance.
func (w *inputWay) evaluate(name string) ([]float64, error) {
	steps := maxSteps
	return w.evaluated(name, 0, &steps)
}

// maxSteps bounds the operations of such arithmetic. A tensor that two of them read counts twice, as often
// as it is computed.
const maxSteps = 1000

func (w *inputWay) evaluated(name string, depth int, steps *int) ([]float64, error) {
	n := w.node(name)
	if values, known := w.constant(name); known {
		return values, nil
	}
	inputs := w.inputs(n)
	if *steps--; *steps < 0 || depth > maxDepth || len(inputs) == 0 || n.GetOp() == "Const" {
		return nil, errComputed
	}
	first, err := w.evaluated(inputs[0], depth+1, steps)
	if err != nil {
		return nil, err
	}
	first = slices.Clone(first)
	switch kind := n.GetOp(); {
	case kind == "Cast" && slices.Contains(featureTypes, tf.DataType(n.GetAttr()["DstT"].GetType())):
		return first, nil
	case onOne[kind] != nil:
		for i, v := range first {
			first[i] = float64(float32(onOne[kind](v)))
		}
		return first, nil
	case onTwo[kind] != nil && len(inputs) == 2:
		second, err := w.evaluated(inputs[1], depth+1, steps)
		if err != nil || len(first) == 0 || len(second) == 0 || len(first) != len(second) && len(first) != 1 && len(second) != 1 {
			return nil, errComputed
		}
		values := make([]float64, max(len(first), len(second)))
		for i := range values {
			values[i] = float64(float32(onTwo[kind](first[i%len(first)], second[i%len(second)])))
		}
		return values, nil
	}
	return nil, errComputed
}

// Operations of normalizations that evaluate knows.
var (
	onOne = map[string]func(float64) float64{
		"Identity": same, "StopGradient": same, "Snapshot": same, "Reshape": same, "ExpandDims": same, "Squeeze": same,
		"Sqrt": math.Sqrt, "Neg": func(v float64) float64 { return -v }, "Square": func(v float64) float64 { return v * v },
		"Rsqrt": func(v float64) float64 { return 1 / math.Sqrt(v) }, "Reciprocal": func(v float64) float64 { return 1 / v },
	}
	onTwo = map[string]func(a, b float64) float64{
		"Add": plus, "AddV2": plus, "Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b }, "RealDiv": func(a, b float64) float64 { return a / b },
		"Maximum": math.Max, "Minimum": math.Min,
	}
)

func same(v float64) float64 { return v }

func plus(a, b float64) float64 { return a + b }
