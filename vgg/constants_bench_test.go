package vgg

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/inference"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// frozen builds VGG16's base with its weights as constants of the graph, which Open puts
// into variables.
func frozen(b *testing.B, c Configuration, set weights.Set) *inference.Model {
	b.Helper()
	scope := op.NewScope()
	input := op.Placeholder(scope.SubScope("input"), tf.Float, op.PlaceholderShape(tf.MakeShape(-1, InputSize, InputSize, 3)))
	x := input
	constant := func(scope *op.Scope, name string) tf.Output {
		values, err := set.Tensors[name].Float32()
		if err != nil {
			b.Fatal(err)
		}
		tensor, err := inference.NewFloat32Tensor(set.Tensors[name].Shape, values)
		if err != nil {
			b.Fatal(err)
		}
		return op.Const(scope, tensor)
	}
	for _, l := range c.Layers(false) {
		s := scope.SubScope(l.Name)
		if l.Kind == KindMaxPool {
			x = op.MaxPool(s, x, []int64{1, 2, 2, 1}, []int64{1, 2, 2, 1}, "VALID")
			continue
		}
		x = op.Conv2D(s, x, constant(s.SubScope("kernel"), l.Name+"/kernel"), []int64{1, 1, 1, 1}, "SAME")
		x = op.Relu(s, op.BiasAdd(s, x, constant(s.SubScope("bias"), l.Name+"/bias")))
	}
	graph, err := scope.Finalize()
	if err != nil {
		b.Fatal(err)
	}
	config := inference.SessionConfig{Device: inference.DeviceCPU}
	session, device, err := inference.NewSession(graph, config)
	if err != nil {
		b.Fatal(err)
	}
	return &inference.Model{
		Name: "frozen", Device: device, Precision: inference.Float32, Graph: graph, Session: session,
		Input: input, InputHeight: InputSize, InputWidth: InputSize,
		Layers: []inference.Layer{{Name: "pool5", Output: x, Shape: []int{7, 7, 512}}},
	}
}

// residentMB is the memory that the process holds, in MB.
func residentMB(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("memory is read from /proc")
	}
	var kB float64
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}

// BenchmarkWeights compares weights as variables, as Open has them, with weights as
// constants: the time to open and run for the first time, the speed, the memory.
func BenchmarkWeights(b *testing.B) {
	set, err := imagenet.VGG16()
	if err != nil {
		b.Fatal(err)
	}
	c, err := ByName("vgg16")
	if err != nil {
		b.Fatal(err)
	}
	for name, open := range map[string]func(b *testing.B) *inference.Model{
		"variables": func(b *testing.B) *inference.Model {
			model, err := Open(c, set, inference.SessionConfig{Device: inference.DeviceCPU})
			if err != nil {
				b.Fatal(err)
			}
			return model
		},
		"constants": func(b *testing.B) *inference.Model { return frozen(b, c, set) },
	} {
		b.Run(name, func(b *testing.B) {
			before, start := residentMB(b), time.Now()
			model := open(b)
			defer model.Close()
			extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{"pool5"}, Batch: 8})
			if err != nil {
				b.Fatal(err)
			}
			if err := extractor.WarmUp(); err != nil {
				b.Fatal(err)
			}
			opened := time.Since(start)
			pixels := make([]float32, 8*InputSize*InputSize*3)
			pictures := 0
			start = time.Now()
			for b.Loop() {
				if _, err := extractor.Extract(pixels, 8); err != nil {
					b.Fatal(err)
				}
				pictures += 8
			}
			b.ReportMetric(float64(pictures)/time.Since(start).Seconds(), "images/s")
			b.ReportMetric(opened.Seconds(), "s-to-open")
			b.ReportMetric(residentMB(b)-before, "MB")
		})
	}
}
