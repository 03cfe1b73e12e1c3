package inference

import (
	"runtime"
	"strings"
	"testing"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// collector is a writer during whose Write the garbage collector runs, as it may at any time.
type collector struct {
	freed chan struct{} // closed when the tensor is freed
	early bool
}

func (c *collector) Write(p []byte) (int, error) {
	for range 4 { // finalizers run after one cycle, and cleanups after the next
		runtime.GC()
		select {
		case <-c.freed:
			c.early = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	return len(p), nil
}

// A tensor that nobody uses any more must outlive the read of its memory.
func TestTensorLivesWhileItIsRead(t *testing.T) {
	for name, read := range map[string]func(*collector, *tf.Tensor) error{
		"the binding's way": func(c *collector, tensor *tf.Tensor) error {
			_, err := tensor.WriteContentsTo(c)
			return err
		},
		"WriteContents": func(c *collector, tensor *tf.Tensor) error { return WriteContents(c, tensor) },
	} {
		tensor, err := NewFloat32Tensor([]int{4}, []float32{1, 2, 3, 4})
		if err != nil {
			t.Fatal(err)
		}
		c := &collector{freed: make(chan struct{})}
		runtime.AddCleanup(tensor, func(freed chan struct{}) { close(freed) }, c.freed)
		if err := read(c, tensor); err != nil {
			t.Fatal(err)
		}
		tensor = nil
		switch early := c.early; {
		case name == "WriteContents" && early:
			t.Errorf("%s: the tensor was freed while it was read", name)
		case name != "WriteContents" && !early:
			t.Logf("%s keeps tensors alive now: WriteContents is no longer needed", name)
		}
	}
}

func TestValue(t *testing.T) {
	tensor, err := tf.NewTensor([][]string{{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := Value(tensor)
	if texts, ok := value.([][]string); err != nil || !ok || texts[0][1] != "b" {
		t.Errorf("%v, %v", value, err)
	}
	scope := op.NewScope()
	output := op.Cast(scope, op.Const(scope.SubScope("one"), float32(1)), tf.Half)
	graph, err := scope.Finalize()
	if err != nil {
		t.Fatal(err)
	}
	session, err := tf.NewSession(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	halves, err := session.Run(nil, []tf.Output{output}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Value(halves[0]); err == nil || !strings.Contains(err.Error(), "of type") {
		t.Errorf("half precision: %v, want an error", err)
	}
}
