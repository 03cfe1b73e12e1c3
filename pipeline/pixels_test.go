package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"fovea/picture"
	"fovea/preprocessing"
)

// memoryPixels keeps everything, in one sequence.
type memoryPixels struct {
	paths    []string
	images   []DecodedImage
	failures []Failure
	appended func(n int) error
}

func (s *memoryPixels) Append(image DecodedImage) error {
	if s.appended != nil {
		if err := s.appended(len(s.images)); err != nil {
			return err
		}
	}
	s.paths, s.images = append(s.paths, image.Path), append(s.images, image)
	return nil
}

func (s *memoryPixels) Fail(f Failure) error {
	s.paths, s.failures = append(s.paths, f.Path), append(s.failures, f)
	return nil
}

// identity is an extractor whose features are its input.
type identity struct{}

func (identity) BatchSize() int { return 3 }

func (identity) Extract(pixels []float32, _ int) ([][]float32, error) {
	return [][]float32{slices.Clone(pixels)}, nil
}

// Pixels delivers what Run gives to a model that does not normalize, in the same order and with
// the same failures, from files, archives and stores.
func TestPixelsAreThoseOfRun(t *testing.T) {
	const n = 40
	broken := []int{0, 7, 8, 39}
	sources := map[string][]Item{
		"files":   greyPictures(t, n, broken...),
		"archive": greyTar(t, filepath.Join(t.TempDir(), "a.tar"), n, broken...),
		"store":   greyStore(t, n, broken...).list(t, nil).Items,
	}
	aged() // so that what identifies the files is known
	for name, items := range sources {
		for _, workers := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s, %d workers", name, workers), func(t *testing.T) {
				c := config(workers)
				c.Preprocessing = preprocessing.None
				var want memorySink
				if _, err := Run(t.Context(), items, identity{}, &want, c); err != nil {
					t.Fatal(err)
				}
				c.Preprocessing = preprocessing.Caffe // not used
				var last Stats
				c.Progress = func(s Stats) { last = s }
				var got memoryPixels
				stats, err := Pixels(t.Context(), items, &got, c)
				if err != nil {
					t.Fatal(err)
				}
				if stats.Rows != n-len(broken) || stats.Failures != len(broken) || stats.Batches != 0 || stats.Bytes == 0 || stats.Decode == 0 {
					t.Errorf("the stats are %+v", stats)
				}
				if last.Rows+last.Failures != n {
					t.Errorf("the progress ends at %d rows and %d failures", last.Rows, last.Failures)
				}
				if !slices.Equal(got.paths, want.paths) {
					t.Errorf("results are of %v, want %v", got.paths, want.paths)
				}
				for i, image := range got.images {
					checkPixels(t, image, want.rows[i])
				}
				for i, f := range got.failures {
					if w := want.failures[i]; f.Path != w.Path || f.Stage != w.Stage || f.Reason != w.Reason || f.SHA256 != w.SHA256 || f.Seen != w.Seen {
						t.Errorf("failure %+v, want %+v", f, w)
					}
				}
			})
		}
	}
}

// checkPixels compares an image with the row that the identity made of it.
func checkPixels(t *testing.T, image DecodedImage, row Row) {
	t.Helper()
	if image.Item != row.Item || image.SHA256 != row.SHA256 || image.Seen != row.Seen || image.Width != row.Width || image.Height != row.Height {
		t.Errorf("%s is %+v, want %+v", image.Path, image, row)
	}
	values := make([]float32, len(image.Pix))
	for i, v := range image.Pix {
		values[i] = float32(v)
	}
	if !slices.Equal(values, row.Features[0]) {
		t.Errorf("%s has other pixels", image.Path)
	}
}

func TestPixelsRefusesDenseViews(t *testing.T) {
	c := config(1)
	c.Dense = picture.Dense{Sides: []int{256}}
	if _, err := Pixels(t.Context(), nil, &memoryPixels{}, c); err == nil {
		t.Error("dense views were taken")
	}
}

func TestPixelsEndsOnErrors(t *testing.T) {
	full := errors.New("the disk is full")
	sink := &memoryPixels{appended: func(n int) error {
		if n == 10 {
			return full
		}
		return nil
	}}
	_, err := Pixels(t.Context(), greyPictures(t, 40), sink, config(2))
	if !errors.Is(err, full) || len(sink.images) != 10 {
		t.Errorf("error is %v after %d images", err, len(sink.images))
	}
}

func TestPixelsCancelled(t *testing.T) {
	cause := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	items := greyPictures(t, 60)
	sink := &memoryPixels{appended: func(n int) error {
		if n == 5 {
			cancel(cause)
		}
		return nil
	}}
	stats, err := Pixels(ctx, items, sink, config(2))
	if !errors.Is(err, cause) || stats.Rows < 6 || stats.Rows >= len(items) {
		t.Errorf("error is %v after %d images, want the cancellation's cause", err, stats.Rows)
	}
	if !slices.Equal(sink.paths, paths(items[:stats.Rows])) {
		t.Errorf("results are of %v", sink.paths)
	}
}

func TestPixelsNothingReadable(t *testing.T) {
	stats, err := Pixels(t.Context(), greyPictures(t, 2, 0, 1), &memoryPixels{}, config(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := stats.Check(); !errors.Is(err, ErrNothingReadable) {
		t.Errorf("check gives %v", err)
	}
}
