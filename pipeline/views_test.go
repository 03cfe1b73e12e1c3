package pipeline

import (
	"errors"
	"slices"
	"testing"

	"fovea/picture"
	"fovea/preprocessing"
)

// sumExtractor has two layers: the sum of a view's two values, and both values.
type sumExtractor struct {
	batch int
	calls []int
	err   error
}

func (e *sumExtractor) BatchSize() int { return e.batch }

func (e *sumExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	e.calls = append(e.calls, n)
	sums := make([]float32, n)
	for i := range n {
		sums[i] = pixels[2*i] + pixels[2*i+1]
	}
	return [][]float32{sums, slices.Clone(pixels)}, e.err
}

func TestOverViews(t *testing.T) {
	// Two pictures of three views of two values.
	pixels := []float32{1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 90}
	for _, test := range []struct {
		batch, pictures int
		calls           []int
	}{{8, 2, []int{6}}, {6, 2, []int{6}}, {4, 1, []int{4, 2}}, {2, 1, []int{2, 2, 2}}, {1, 1, []int{1, 1, 1, 1, 1, 1}}} {
		inner := &sumExtractor{batch: test.batch}
		e := OverViews(inner, 3)
		if e.BatchSize() != test.pictures {
			t.Errorf("batches of %d views have %d images, want %d", test.batch, e.BatchSize(), test.pictures)
		}
		features, err := e.Extract(pixels, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(features[0], []float32{7, 80}) || !slices.Equal(features[1], []float32{3, 4, 30, 50}) {
			t.Errorf("batches of %d give %v", test.batch, features)
		}
		if !slices.Equal(inner.calls, test.calls) {
			t.Errorf("batches of %d are computed as %v, want %v", test.batch, inner.calls, test.calls)
		}
	}
	inner := &sumExtractor{batch: 4}
	if OverViews(inner, 1) != Extractor(inner) {
		t.Error("one view has an extractor of its own")
	}
	if _, err := OverViews(inner, 5).Extract(pixels, 1); err == nil {
		t.Error("12 values are taken for 5 views")
	}
	inner.err = errors.New("out of memory")
	if _, err := OverViews(inner, 3).Extract(pixels, 2); !errors.Is(err, inner.err) {
		t.Errorf("error is %v", err)
	}
}

// sizedExtractor gives a picture's mean and its number of pixels, and counts calls.
type sizedExtractor struct {
	meanExtractor
	sizes [][3]int
}

func (e *sizedExtractor) ExtractSized(pixels []float32, n, height, width int) ([][]float32, error) {
	e.sizes = append(e.sizes, [3]int{n, height, width})
	size := make([]float32, n)
	for i := range size {
		size[i] = float32(height * width)
	}
	features, err := e.Extract(pixels, n)
	return [][]float32{features[0], size}, err
}

// Pictures are seen at all scales, in their own proportions, the mirror image together with
// the picture; features are averages.
func TestRunDense(t *testing.T) {
	items := greyPictures(t, 3)
	e, sink := &sizedExtractor{meanExtractor: meanExtractor{batch: 8}}, &memorySink{}
	config := Config{
		Dense: picture.Dense{Sides: []int{10, 20}, Flip: true}, Preprocessing: preprocessing.None, Workers: 2, First: &meanExtractor{batch: 1},
	}
	stats, err := Run(t.Context(), items, e, sink, config)
	if err != nil || stats.Rows != 3 {
		t.Fatalf("%d rows, %v", stats.Rows, err)
	}
	for i, row := range sink.rows {
		pixels := 0
		for s, side := range config.Dense.Sides {
			shorter := min(row.Width, row.Height)
			want := [3]int{2, side * row.Height / shorter, side * row.Width / shorter}
			if got := e.sizes[2*i+s]; got != want {
				t.Errorf("%s at %d is computed as %v, want %v", row.Path, side, got, want)
			}
			pixels += want[1] * want[2]
		}
		if got, want := row.Features[1][0], float32(pixels)/2; got != want {
			t.Errorf("%s: %g, want %g", row.Path, got, want)
		}
		if i > 0 && row.Features[0][0] == sink.rows[0].Features[0][0] {
			t.Errorf("%s has the features of the first image", row.Path)
		}
	}
	if _, err := Run(t.Context(), items, &meanExtractor{batch: 8}, sink, config); err == nil {
		t.Error("an extractor of one size is used for any")
	}
}
