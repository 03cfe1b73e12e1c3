package servable

import (
	"fmt"
	"math"
	"testing"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/head"
	"fovea/inference"
	"fovea/recipe"
)

// Layers of any number of channels are folded as package head does.
func TestFold(t *testing.T) {
	for _, shape := range [][]int{{3}, {512}, {513}, {700}, {1024}, {2, 2, 700}, {5, 1100}, {4, 3}} {
		layer := recipe.Layer{Shape: shape}
		f, images := head.FoldOf(layer), 3
		values, want := make([]float32, images*layer.Size()), make([]float64, images*f.Width)
		for i := range values {
			values[i] = float32(math.Sin(float64(i)))
			image, channel := i/layer.Size(), i%f.Channels
			sign := 1.0
			if f.Channels > 512 {
				sign = float64(f.Signs[channel])
			}
			want[image*f.Width+channel%f.Width] += sign * float64(values[i]) / float64(f.Positions)
		}
		c := &classifier{nodes: &nodes{}}
		x := c.add("Placeholder", "x", nil, attributes{"dtype": typeOf(float32Type), "shape": shapeOf(-1, layer.Size())})
		out := c.add("Identity", "out", []string{c.fold(f, x, "signs")}, attributes{"T": typeOf(float32Type)})
		if c.err != nil {
			t.Fatal(c.err)
		}
		session, graph := openGraph(t, c.nodes, nil)
		input, err := inference.NewFloat32Tensor([]int{images, layer.Size()}, values)
		if err != nil {
			t.Fatal(err)
		}
		feeds := map[tf.Output]*tf.Tensor{graph.Operation("x").Output(0): input}
		for _, v := range c.variables {
			feeds[graph.Operation(v.name+"/read").Output(0)] = v.value
		}
		results, err := session.Run(feeds, []tf.Output{graph.Operation(out).Output(0)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		value, err := inference.Value(results[0])
		if err != nil {
			t.Fatal(err)
		}
		got, ok := value.([][]float32)
		if !ok || len(got) != images || len(got[0]) != f.Width {
			t.Fatalf("%v: the result is %s", shape, fmt.Sprint(results[0].Shape()))
		}
		for i, v := range want {
			if d := math.Abs(float64(got[i/f.Width][i%f.Width]) - v); d > 1e-5 {
				t.Fatalf("%v: sum %d is %v, want %v", shape, i, got[i/f.Width][i%f.Width], v)
			}
		}
	}
}
