package pipeline

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/picture"
	"fovea/preprocessing"
)

// jointInputs differ in size, views and preprocessing.
var jointInputs = []Input{
	{picture.Options{Width: 8, Height: 6}, preprocessing.Caffe},
	{picture.Options{Width: 4, Height: 4, Views: picture.Flip, Background: "#ffffff"}, preprocessing.TF},
}

// A joint run gives each image the features that each model gives it alone, in the order of the columns.
func TestRunJoint(t *testing.T) {
	items := greyPictures(t, 23, 4, 9, 22)
	var alone []*memorySink
	for _, input := range jointInputs {
		sink := &memorySink{}
		if _, err := Run(context.Background(), items, &meanExtractor{batch: 4}, sink, Config{Picture: input.Picture, Preprocessing: input.Preprocessing}); err != nil {
			t.Fatal(err)
		}
		alone = append(alone, sink)
	}
	first, second, third := &meanExtractor{batch: 5}, &meanExtractor{batch: 8}, &meanExtractor{batch: 64}
	joint, err := NewJoint([]JointPart{{first, jointInputs[0]}, {second, jointInputs[1]}, {third, jointInputs[0]}}, []Column{{1, 0}, {0, 1}, {2, 0}, {1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if joint.BatchSize() != 4 { // 8 views are 4 images
		t.Errorf("batches of %d images", joint.BatchSize())
	}
	config := joint.Config()
	if len(config.Also) != 1 {
		t.Errorf("models with one input have %d", 1+len(config.Also))
	}
	for _, workers := range []int{1, 4} {
		config.Workers = workers
		sink := &memorySink{}
		if _, err := Run(context.Background(), items, joint, sink, config); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(alone[0].paths, sink.paths); d != "" || len(sink.failures) != 3 {
			t.Errorf("%d failures, paths: %s", len(sink.failures), d)
		}
		for i, row := range sink.rows {
			one, two := alone[0].rows[i], alone[1].rows[i]
			want := [][]float32{two.Features[0], one.Features[1], one.Features[0], two.Features[1]}
			if d := cmp.Diff(want, row.Features); d != "" {
				t.Errorf("%s: features %s", row.Path, d)
			}
			if row.SHA256 != one.SHA256 || row.Width != one.Width {
				t.Errorf("%s: another row", row.Path)
			}
		}
	}
	for _, n := range third.calls {
		if n > 4 {
			t.Errorf("a batch of %d images", n)
		}
	}
}

// A config and an extractor that do not fit each other are refused before anything is read.
func TestRunJointRefuses(t *testing.T) {
	joint, err := NewJoint([]JointPart{{&meanExtractor{batch: 5}, jointInputs[0]}, {&meanExtractor{batch: 8}, jointInputs[1]}}, []Column{{1, 0}, {0, 2}})
	if err != nil {
		t.Fatal(err)
	}
	one := Config{Picture: jointInputs[0].Picture, Preprocessing: jointInputs[0].Preprocessing}
	for want, run := range map[string]func() error{
		"1 inputs of an image for an extractor that takes 2": func() error {
			_, err := Run(context.Background(), nil, joint, &memorySink{}, one)
			return err
		},
		"2 inputs of an image for an extractor that takes 1": func() error {
			_, err := Run(context.Background(), nil, &meanExtractor{batch: 5}, &memorySink{}, joint.Config())
			return err
		},
		"column 1 is layer 2 of a model that gives 2": func() error {
			_, err := joint.Extract(make([]float32, 8*6*3+2*4*4*3), 1)
			return err
		},
		"7 input values for 1 images of": func() error {
			_, err := joint.Extract(make([]float32, 7), 1)
			return err
		},
		"a column of model 2 of 1": func() error {
			_, err := NewJoint([]JointPart{{&meanExtractor{batch: 5}, jointInputs[0]}}, []Column{{2, 0}})
			return err
		},
		"no models to join": func() error {
			_, err := NewJoint(nil, nil)
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	dense := jointInputs[0]
	dense.Picture.Views = "dense:64"
	if _, err := NewJoint([]JointPart{{&meanExtractor{batch: 5}, dense}}, []Column{{0, 0}}); err == nil {
		t.Error("dense views are joined")
	}
}

// The values of a batch are divided image by image.
func TestJointExtract(t *testing.T) {
	a, b := &sumExtractor{batch: 4}, &sumExtractor{batch: 4}
	inputs := []Input{
		{picture.Options{Width: 1, Height: 2}, preprocessing.Spec{Channels: preprocessing.Gray, Divisor: 1, Std: [4]float64{1}}},
		{picture.Options{Width: 2, Height: 1}, preprocessing.Spec{Channels: preprocessing.Gray, Divisor: 1, Std: [4]float64{1}}},
	}
	joint, err := NewJoint([]JointPart{{a, inputs[0]}, {b, inputs[1]}}, []Column{{0, 0}, {1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := joint.Extract([]float32{1, 2, 10, 20, 3, 4, 30, 40}, 2)
	if err != nil || !slices.Equal(got[0], []float32{3, 7}) || !slices.Equal(got[1], []float32{10, 20, 30, 40}) {
		t.Errorf("%v, %v", got, err)
	}
	if math.Abs(float64(joint.Parallel())-1) > 0 {
		t.Errorf("%d batches at a time", joint.Parallel())
	}
}
