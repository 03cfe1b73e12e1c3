package head

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"fovea/internal/scratch"
)

// Where tables are kept does not change results.
func TestMemoryChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("trains many times, as other tests do once")
	}
	x, labels := clusters(600, 300, 1, 3)
	train := map[string]func(Matrix) (*Head, error){
		"softmax": func(x Matrix) (*Head, error) {
			h, _, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{0.1, 1}})
			return h, err
		},
		"unit": func(x Matrix) (*Head, error) {
			h, _, err := Train(context.Background(), x, labels, TrainOptions{Lambdas: []float64{1}, Scaling: ScaleUnit})
			return h, err
		},
		"auto": func(x Matrix) (*Head, error) {
			h, _, err := TrainAuto(context.Background(), x, labels, TrainOptions{Calibrate: true})
			return h, err
		},
		"mlp": func(x Matrix) (*Head, error) {
			h, _, err := TrainMLP(context.Background(), x, labels, MLPOptions{Units: 8, Epochs: 2})
			return h, err
		},
	}
	for name, train := range train {
		want, err := train(x)
		if err != nil {
			t.Fatal(err)
		}
		memory := &counted{memory: scratch.Memory{Dir: t.TempDir(), Above: 1}}
		mapped := x
		mapped.Memory = memory
		got, err := train(mapped)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: another head", name)
		}
		if memory.given == 0 || memory.given != memory.freed {
			t.Errorf("%s: %d tables given, %d freed", name, memory.given, memory.freed)
		}
		mapped.Memory = noMemory{}
		if _, err := train(mapped); !errors.Is(err, errNoMemory) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type counted struct {
	memory       scratch.Memory
	given, freed int
}

func (c *counted) Floats(values int) ([]float32, error) {
	c.given++
	return c.memory.Floats(values)
}

func (c *counted) Free(values []float32) {
	c.freed++
	c.memory.Free(values)
}

var errNoMemory = errors.New("no room")

type noMemory struct{}

func (noMemory) Floats(int) ([]float32, error) { return nil, errNoMemory }
func (noMemory) Free([]float32)                {}
