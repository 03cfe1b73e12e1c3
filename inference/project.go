package inference

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/internal/finite"
	"fovea/recipe"
)

// Project says how many values are stored of a pooled layer, and gives what computes them from the layer's values for one
// image. The function is nil for a layer that stays as it is. It may be called from several goroutines.
type Project = func(recipe.Layer) (values int, apply func(out, x []float32), err error)

// Project lets the Extractor project its layers, in place of an earlier projection; nil ends it. It must not be called
// during a call of Extract. Long layers are projected where TensorFlow has computed them, and are not copied.
func (e *Extractor) Project(project Project) error {
	if project == nil {
		e.layers, e.projectors = e.computed, nil
		return e.resizeAll()
	}
	layers, projectors := slices.Clone(e.computed), make([]func(out, x []float32), len(e.computed))
	for i, l := range e.computed {
		values, apply, err := project(l)
		if err != nil {
			return fmt.Errorf("inference: project layer %s: %w", l.Name, err)
		}
		if apply != nil {
			layers[i].Shape, layers[i].Layout, projectors[i] = []int{values}, recipe.LayoutC, apply
		}
	}
	e.layers, e.projectors = layers, projectors
	return e.resizeAll()
}

// resizeAll makes the inputs as large as what is computed together.
func (e *Extractor) resizeAll() error {
	for range cap(e.inputs) {
		in := <-e.inputs
		if size := e.together(); in.size != size {
			if err := e.resize(in, size); err != nil {
				return err
			}
		}
		e.inputs <- in
	}
	return nil
}

// mostOutputBytes bounds the outputs of a Run that are projected: the first maps of a VGG take 13 MB an image each, and all
// of them 60 MB.
const mostOutputBytes = 64 << 20

// together is the number of images of a Run: a batch, or fewer where long layers are projected, so that their maps do not
// fill the memory. What is not projected is kept anyway.
func (e *Extractor) together() int {
	bytes := 0
	for i, l := range e.computed {
		if i < len(e.projectors) && e.projectors[i] != nil {
			bytes += 4 * l.Size()
		}
	}
	if bytes == 0 {
		return e.batch
	}
	return max(1, min(e.batch, mostOutputBytes/bytes))
}

// keepProjected appends the projection of a layer's first count images of size.
func (e *Extractor) keepProjected(features [][]float32, layer int, tensor *tf.Tensor, size, count int) error {
	inputs, width := e.computed[layer].Size(), e.layers[layer].Size()
	values := make([]float32, count*width)
	err := viewFloat32(tensor, size*inputs, func(all []float32) {
		for i := range count {
			x, out := all[i*inputs:(i+1)*inputs], values[i*width:(i+1)*width]
			if finite.First(x) >= 0 { // of which a random projection might take nothing
				fill(out, float32(math.NaN()))
				continue
			}
			e.projectors[layer](out, x)
		}
	})
	if err != nil {
		return fmt.Errorf("layer %s: %w", e.layers[layer].Name, err)
	}
	e.unreleased.Add(int64(4 * size * inputs))
	features[layer] = append(features[layer], values...)
	return nil
}

func fill(values []float32, v float32) {
	for i := range values {
		values[i] = v
	}
}

// viewFloat32 lets use read a tensor of n float32 values in place. The values must not be kept.
func viewFloat32(tensor *tf.Tensor, n int, use func([]float32)) error {
	if tensor.DataType() != tf.Float {
		return fmt.Errorf("inference: the output is of type %d, not float32", tensor.DataType())
	}
	view := capturingWriter{}
	defer runtime.KeepAlive(tensor)
	if err := WriteContents(&view, tensor); err != nil {
		return fmt.Errorf("inference: read the output of shape %v: %w", tensor.Shape(), err)
	}
	if len(view.memory) != 4*n {
		return fmt.Errorf("inference: the output of shape %v has %d bytes, not %d values", tensor.Shape(), len(view.memory), n)
	}
	if n > 0 {
		use(unsafe.Slice((*float32)(unsafe.Pointer(&view.memory[0])), n))
	}
	return nil
}

// capturingWriter keeps the memory that is written from: the binding writes a tensor's own, in one piece.
type capturingWriter struct{ memory []byte }

func (w *capturingWriter) Write(p []byte) (int, error) {
	if w.memory != nil {
		return 0, errTooLong
	}
	w.memory = p
	return len(p), nil
}
