package head

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fovea/recipe"
)

// TestSpeed measures the time of training on the data of scripts/bench-head.sh, which runs it.
func TestSpeed(t *testing.T) {
	dir := os.Getenv("FOVEA_BENCH_HEAD")
	if dir == "" {
		t.Skip("a measurement: run scripts/bench-head.sh")
	}
	lambda, err := strconv.ParseFloat(os.Getenv("FOVEA_BENCH_LAMBDA"), 64)
	if err != nil {
		t.Fatal(err)
	}
	var shape struct{ Rows, Cols, Classes, Train int }
	text, err := os.ReadFile(filepath.Join(dir, "shape.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &shape); err != nil {
		t.Fatal(err)
	}
	read := func(name string, into any) {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := binary.Read(file, binary.LittleEndian, into); err != nil {
			t.Fatal(err)
		}
	}
	x, y := Matrix{Rows: shape.Rows, Cols: shape.Cols, Data: make([]float32, shape.Rows*shape.Cols)}, make([]int32, shape.Rows)
	read("x.f32", x.Data)
	read("y.i32", y)
	labels := make([]string, len(y))
	for i, c := range y {
		labels[i] = fmt.Sprintf("class%02d", c)
	}
	n := shape.Train
	learn, test := Matrix{Rows: n, Cols: x.Cols, Data: x.Data[:n*x.Cols]}, Matrix{Rows: x.Rows - n, Cols: x.Cols, Data: x.Data[n*x.Cols:]}
	result := map[string]float64{}
	for name, options := range map[string]TrainOptions{"one": {Lambdas: []float64{lambda}}, "path": {}, "auto": {Calibrate: true}} {
		begin, train := time.Now(), Train
		if name == "auto" {
			train = TrainAuto
		}
		h, report, err := train(context.Background(), learn, labels[:n], options)
		if err != nil {
			t.Fatal(err)
		}
		result[name+"_seconds"] = time.Since(begin).Seconds()
		result[name+"_lambda"] = report.Lambda
		probabilities, err := h.Probabilities(test)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Evaluate(probabilities, labels[n:], h.Classes)
		if err != nil {
			t.Fatal(err)
		}
		result[name+"_accuracy"], result[name+"_loss"] = m.Accuracy, m.LogLoss
	}
	begin := time.Now()
	layers := []recipe.Layer{{Name: "x", Shape: []int{x.Cols}}}
	novelty, err := TrainNovelty(context.Background(), learn, labels[:n], NoveltyOptions{Layers: layers, Rate: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	result["novelty_seconds"] = time.Since(begin).Seconds()
	h := &Head{Layers: layers, Novelty: novelty, Standardization: Standardization{Mean: make([]float32, x.Cols)}}
	const each = 200
	begin = time.Now()
	for i := range each {
		if _, err := h.Novelties(Matrix{Rows: 1, Cols: x.Cols, Data: x.Row(i)}); err != nil {
			t.Fatal(err)
		}
	}
	result["novelty_milliseconds_each"] = time.Since(begin).Seconds() * 1000 / each
	encoded, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(encoded))
}
