package convolution_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/convolution"
	"fovea/inference"
	"fovea/internal/mapped"
)

// variable is a kernel with random weights in a variable of that name.
func (n *network) variable(name string, shape ...int) (value tf.Output, assign *tf.Operation, kernel convolution.Kernel) {
	n.tb.Helper()
	size := 1
	dims := make([]int64, len(shape))
	for i, d := range shape {
		size, dims[i] = size*d, int64(d)
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = n.value(n.random)
	}
	handle := op.VarHandleOp(n.next(), tf.Float, tf.MakeShape(dims...), op.VarHandleOpSharedName(name))
	assign = op.AssignVariableOp(n.next(), handle, n.tensor(values, shape...))
	decode := func(to []float32) error { copy(to, values); return nil }
	return op.ReadVariableOp(n.next(), handle, tf.Float), assign, convolution.Kernel{Variable: name, Shape: shape, Decode: decode}
}

// prepared is a network of three convolutions, the last of 1x1, with the kernels of its variables.
func prepared(t *testing.T, precision inference.Precision) (*inference.Model, []convolution.Kernel) {
	t.Helper()
	n, x := newNetwork(t, 13, 17, 3)
	n.model.Precision = precision
	var kernels []convolution.Kernel
	var assignments []*tf.Operation
	for _, shape := range [][]int{{3, 3, 3, 16}, {3, 3, 16, 32}, {1, 1, 32, 32}} {
		kernel, assign, known := n.variable(fmt.Sprint("layer_", len(kernels)), shape...)
		kernels, assignments = append(kernels, known), append(assignments, assign)
		x = op.Relu(n.next(), op.Conv2D(n.next(), x, kernel, []int64{1, 1, 1, 1}, "SAME"))
	}
	n.tap("last", x, 13, 17, 32)
	model := n.openAs(inference.SessionConfig{Device: inference.DeviceCPU, Precision: precision})
	if _, err := model.Session.Run(nil, nil, assignments); err != nil {
		t.Fatal(err)
	}
	return model, kernels
}

// readyKernels is how many kernels a model took that were transformed before.
func readyKernels(model *inference.Model) (n int) {
	for _, o := range model.Graph.Operations() {
		if o.Type() == "FoveaReadyKernel" {
			n++
		}
	}
	return n
}

// featuresBy are a model's, after it has taken what it can of prepared kernels.
func featuresBy(t *testing.T, model *inference.Model, ready *convolution.Prepared) [][]float32 {
	t.Helper()
	if err := convolution.Accelerate(model, convolution.Options{Prepared: ready}); err != nil {
		t.Fatal(err)
	}
	ready.Close()
	ready.Close() // has nothing left to do
	return features(t, model, 5)
}

// Prepared kernels give the same features, to the bit, as those that TensorFlow transforms, in each precision. Those
// that were not prepared are transformed as before.
func TestPrepare(t *testing.T) {
	unreadable := func([]float32) error { return errors.New("damaged") }
	changes := map[string]struct {
		change func([]convolution.Kernel)
		taken  int // the third is of 1x1
	}{
		"all":            {func([]convolution.Kernel) {}, 2},
		"another name":   {func(k []convolution.Kernel) { k[1].Variable = "layer" }, 1},
		"one unreadable": {func(k []convolution.Kernel) { k[0].Decode = unreadable }, 1},
	}
	others := map[inference.Precision]inference.Precision{inference.Float32: inference.Int16, inference.Int16: inference.Float32}
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16} {
		model, _ := prepared(t, precision)
		if err := convolution.Accelerate(model, convolution.Options{}); err != nil {
			t.Logf("skipped in %s: %v", precision, err)
			continue
		}
		want := features(t, model, 5)
		for name, test := range changes {
			model, kernels := prepared(t, precision)
			test.change(kernels)
			got := featuresBy(t, model, convolution.Prepare(precision, kernels, convolution.Kept{}))
			if !reflect.DeepEqual(got, want) || readyKernels(model) != test.taken {
				t.Errorf("%s, %s: %d kernels taken, want %d; equal features: %v", precision, name, readyKernels(model), test.taken, reflect.DeepEqual(got, want))
			}
		}
		model, kernels := prepared(t, precision)
		ready := convolution.Prepare(others[precision], kernels, convolution.Kept{})
		if err := convolution.Accelerate(model, convolution.Options{Prepared: ready}); err != nil || readyKernels(model) != 0 {
			t.Errorf("%s took %d kernels of %s; %v", precision, readyKernels(model), others[precision], err)
		}
		ready.Close()
	}
}

// A prepared kernel is taken once: what is not there any more is an error, not other numbers.
func TestPreparedOnce(t *testing.T) {
	model, kernels := prepared(t, inference.Float32)
	ready := convolution.Prepare(inference.Float32, kernels, convolution.Kept{})
	if err := convolution.Accelerate(model, convolution.Options{Prepared: ready}); err != nil {
		t.Skip(err)
	}
	again, _ := prepared(t, inference.Float32)
	if err := convolution.Accelerate(again, convolution.Options{Prepared: ready}); err == nil || !strings.Contains(err.Error(), "there is no ready kernel") {
		t.Errorf("the same kernels for a second model: %v", err)
	}
	ready.Close()
	if err := convolution.Accelerate(again, convolution.Options{Prepared: ready}); err != nil {
		t.Errorf("without prepared kernels: %v", err)
	}
}

// Kernels without values, such as damaged files of weights have, are left to who reports them.
func TestPrepareEmpty(t *testing.T) {
	for _, shape := range [][]int{{3, 3, 0, 32}, {3, 3, 32, 0}} {
		kernel := convolution.Kernel{Variable: "empty", Shape: shape, Decode: func([]float32) error { return nil }}
		ready := convolution.Prepare(inference.Float32, []convolution.Kernel{kernel}, convolution.Kept{})
		if ready.Variables()["empty"] {
			t.Errorf("a kernel of %v was transformed", shape)
		}
		ready.Close()
	}
}

// Transformed kernels are computed once by each of two processes, and then mapped, with the same features, to the bit. All
// that they depend on tells them apart.
func TestPrepareKept(t *testing.T) {
	for _, precision := range []inference.Precision{inference.Float32, inference.Int16} {
		model, _ := prepared(t, precision)
		if err := convolution.Accelerate(model, convolution.Options{}); err != nil {
			t.Logf("skipped in %s: %v", precision, err)
			continue
		}
		want := features(t, model, 5)
		dir := mapped.Dir{Path: t.TempDir()}
		for _, step := range []struct {
			name, program, sum string
			decoded            int64 // kernels; the third is of 1x1
			damaged            bool
		}{
			{"first", "one", "a", 2, false},
			{"second", "one", "a", 2, false},
			{"third", "one", "a", 0, false},
			{"another program", "two", "a", 2, false},
			{"other values", "one", "b", 2, false},
			{"unknown program", "", "a", 2, false},
			{"no checksum", "one", "", 2, false},
			{"damaged", "one", "a", 2, true},
		} {
			if step.damaged {
				damageAll(t, dir.Path)
			}
			model, kernels := prepared(t, precision)
			var decoded atomic.Int64
			for i := range kernels {
				decode := kernels[i].Decode
				kernels[i].Decode = func(values []float32) error {
					decoded.Add(1)
					return decode(values)
				}
				if step.sum != "" {
					kernels[i].Sum = func() string { return step.sum + kernels[i].Variable }
				}
			}
			got := featuresBy(t, model, convolution.Prepare(precision, kernels, convolution.Kept{Dir: dir, Program: step.program}))
			if !reflect.DeepEqual(got, want) || readyKernels(model) != 2 || decoded.Load() != step.decoded {
				t.Errorf("%s, %s: %d kernels taken, %d decoded, want %d; equal features: %v", precision, step.name, readyKernels(model), decoded.Load(), step.decoded, reflect.DeepEqual(got, want))
			}
		}
	}
}

// damageAll changes a byte of each file, but of empty ones.
func damageAll(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) == 0 {
			continue
		}
		damaged++
		content[0] ^= 1
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Error("no kernel was kept")
	}
}
