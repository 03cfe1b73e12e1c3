package head

import (
	"context"
	"errors"
	"testing"
)

// What ends a training says who cancelled it, in each of its parts: a command's exit status depends on it.
func TestCancellationHasItsCause(t *testing.T) {
	signal := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(signal)
	x, labels := clusters(60, 4, 1, 1)
	classes, y, err := indexLabels(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	running, err := newTrainer(context.Background(), x, y, len(classes), TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wide, _ := clusters(directionMinRows, directionMinCols, 1, 1)
	standard, err := standardize(wide, ScaleCommon)
	if err != nil {
		t.Fatal(err)
	}
	all, err := standard.all(wide)
	if err != nil {
		t.Fatal(err)
	}
	r := running.regression(running.all, 1, 0.1)
	start := make([]float64, weightVectors(running.classes)*(running.coordinates.cols+1))
	for name, part := range map[string]func() error{
		"inner products": func() error { _, err := gram(ctx, x, running.standardization); return err },
		"directions":     func() error { _, err := findDirections(ctx, all); return err },
		"descent":        func() error { _, err := r.descend(ctx, start, closeGain); return err },
		"polish":         func() error { _, err := r.polish(ctx, start); return err },
		"sparse":         func() error { _, err := r.fitSparse(ctx, start, sparseTolerance); return err },
		"strengths":      func() error { _, _, err := running.choose(ctx); return err },
		"hidden layer":   func() error { _, _, err := TrainMLP(ctx, x, labels, MLPOptions{}); return err },
		"whole":          func() error { _, _, err := Train(ctx, x, labels, TrainOptions{}); return err },
	} {
		if err := part(); !errors.Is(err, signal) {
			t.Errorf("%s: the error is %v, want the context's cause", name, err)
		}
	}
}
