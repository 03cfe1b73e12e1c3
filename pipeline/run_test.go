package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fovea/picture"
	"fovea/preprocessing"
)

// meanExtractor has one layer of one value, the mean of the input, and one of two values.
type meanExtractor struct {
	batch  int
	calls  []int // pictures in each call
	during func(call int)
	err    error
}

func (e *meanExtractor) BatchSize() int { return e.batch }

func (e *meanExtractor) Extract(pixels []float32, n int) ([][]float32, error) {
	if e.during != nil {
		e.during(len(e.calls))
	}
	e.calls = append(e.calls, n)
	if e.err != nil {
		return nil, e.err
	}
	one, two := make([]float32, n), make([]float32, 2*n)
	size := len(pixels) / n
	for p := range n {
		sum := 0.0
		for _, v := range pixels[p*size : (p+1)*size] {
			sum += float64(v)
		}
		one[p] = float32(math.Round(sum / float64(size)))
		if one[p] == 66-meanOfMeans {
			one[p] = float32(math.NaN())
		}
		two[2*p], two[2*p+1] = one[p], -one[p]
	}
	return [][]float32{one, two}, nil
}

// meanOfMeans is what the "caffe" normalization takes off a grey picture's mean, rounded
// in the test pictures' favour.
const meanOfMeans = 114

// memorySink keeps everything, in one sequence.
type memorySink struct {
	paths    []string
	rows     []Row
	failures []Failure
	appended func(int) error
}

func (s *memorySink) Append(rows []Row) error {
	if s.appended != nil {
		if err := s.appended(len(s.rows)); err != nil {
			return err
		}
	}
	for _, r := range rows {
		s.paths = append(s.paths, r.Path)
	}
	s.rows = append(s.rows, rows...)
	return nil
}

func (s *memorySink) Fail(f Failure) error {
	s.paths = append(s.paths, f.Path)
	s.failures = append(s.failures, f)
	return nil
}

// greyPictures writes n pictures whose brightness is their number, all of which but those
// in broken can be read. Their sizes differ, so that they take different times to decode.
func greyPictures(t *testing.T, n int, broken ...int) []Item {
	t.Helper()
	root := t.TempDir()
	items := make([]Item, n)
	for i := range items {
		name := fmt.Sprintf("%03d.png", i)
		items[i] = Item{Path: name, File: filepath.Join(root, name)}
		var content bytes.Buffer
		picture := image.NewGray(image.Rect(0, 0, 1+(i*37)%90, 1+(i*11)%50))
		for p := range picture.Pix {
			picture.Pix[p] = color.Gray{Y: uint8(i)}.Y
		}
		if err := png.Encode(&content, picture); err != nil {
			t.Fatal(err)
		}
		data := content.Bytes()
		if slices.Contains(broken, i) {
			data = data[:len(data)/2]
		}
		if err := os.WriteFile(items[i].File, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return items
}

func config(workers int) Config {
	return Config{
		Picture:       picture.Options{Width: 4, Height: 4},
		Preprocessing: preprocessing.Caffe,
		Workers:       workers,
	}
}

// Every picture ends as one row or one failure, in order, with its own features, whatever
// the number of workers and the place of the broken ones.
func TestRunKeepsBooks(t *testing.T) {
	const n = 65
	for name, broken := range map[string][]int{
		"all good":      nil,
		"first, last":   {0, n - 1},
		"a whole batch": {8, 9, 10, 11, 12, 13, 14, 15},
		"every other":   {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20},
	} {
		for _, workers := range []int{1, 2, 8} {
			t.Run(fmt.Sprintf("%s, %d workers", name, workers), func(t *testing.T) {
				items := greyPictures(t, n, broken...)
				extractor, sink := &meanExtractor{batch: 8}, &memorySink{}
				stats, err := Run(context.Background(), items, extractor, sink, config(workers))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(sink.paths, paths(items)) {
					t.Errorf("results are of %v", sink.paths)
				}
				if stats.Rows != n-len(broken) || stats.Failures != len(broken) {
					t.Errorf("%d rows and %d failures, want %d and %d", stats.Rows, stats.Failures, n-len(broken), len(broken))
				}
				for _, r := range sink.rows {
					var number int
					if _, err := fmt.Sscanf(r.Path, "%d.png", &number); err != nil {
						t.Fatal(err)
					}
					if want := float32(number - meanOfMeans); math.Abs(float64(r.Features[0][0]-want)) > 1 || r.Features[1][1] != -r.Features[0][0] {
						t.Errorf("%s has features %v, want about %v", r.Path, r.Features, want)
					}
					if len(r.SHA256) != 64 || r.Width != 1+(number*37)%90 || r.Height != 1+(number*11)%50 {
						t.Errorf("%s is %dx%d with SHA-256 %s", r.Path, r.Width, r.Height, r.SHA256)
					}
				}
				for _, f := range sink.failures {
					if f.Stage != StageDecode || f.Reason == "" {
						t.Errorf("failure %+v does not say where and why", f)
					}
				}
				// Broken pictures do not make batches smaller.
				for i, pictures := range extractor.calls[:len(extractor.calls)-1] {
					if pictures != 8 {
						t.Errorf("batch %d has %d images", i, pictures)
					}
				}
			})
		}
	}
}

// The first readable picture is computed by itself, and all others by the other extractor.
func TestRunFirst(t *testing.T) {
	for name, test := range map[string]struct {
		broken []int
		views  picture.Views
		calls  []int // of the extractor for the others
	}{
		"good":         {nil, picture.Center, []int{4, 4, 1}},
		"broken first": {[]int{0, 1}, picture.Center, []int{4, 3}},
		"two views":    {nil, picture.Flip, []int{4, 4, 4, 4, 2}},
		"one good":     {[]int{0, 1, 2, 3, 5, 6, 7, 8, 9}, picture.Center, nil},
	} {
		t.Run(name, func(t *testing.T) {
			items := greyPictures(t, 10, test.broken...)
			first, others, sink := &meanExtractor{batch: 2}, &meanExtractor{batch: 4}, &memorySink{}
			c := config(2)
			c.Picture.Views, c.First = test.views, first
			if _, err := Run(context.Background(), items, others, sink, c); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(sink.paths, paths(items)) || len(sink.rows) != len(items)-len(test.broken) {
				t.Errorf("results are of %v, %d rows", sink.paths, len(sink.rows))
			}
			if !slices.Equal(first.calls, []int{test.views.Count()}) {
				t.Errorf("the first extractor computed %v", first.calls)
			}
			if !slices.Equal(others.calls, test.calls) {
				t.Errorf("the other one computed %v, want %v", others.calls, test.calls)
			}
		})
	}
}

func TestRunNothingReadable(t *testing.T) {
	items := greyPictures(t, 3, 0, 1, 2)
	extractor := &meanExtractor{batch: 2}
	stats, err := Run(context.Background(), items, extractor, &memorySink{}, config(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := stats.Check(); !errors.Is(err, ErrNothingReadable) {
		t.Errorf("Check says %v", err)
	}
	if len(extractor.calls) != 0 {
		t.Error("a batch of no images was computed")
	}
}

func TestRunVanishedFile(t *testing.T) {
	items := greyPictures(t, 4)
	if err := os.Remove(items[2].File); err != nil {
		t.Fatal(err)
	}
	sink := &memorySink{}
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 2}, sink, config(2)); err != nil {
		t.Fatal(err)
	}
	if len(sink.failures) != 1 || sink.failures[0].Stage != StageRead {
		t.Errorf("failures are %+v", sink.failures)
	}
}

func TestRunRefusesNaN(t *testing.T) {
	items := greyPictures(t, 80)
	sink := &memorySink{}
	if _, err := Run(context.Background(), items, &meanExtractor{batch: 8}, sink, config(2)); err != nil {
		t.Fatal(err)
	}
	if len(sink.failures) == 0 {
		t.Fatal("a feature that is not a number was stored")
	}
	for _, f := range sink.failures {
		if f.Stage != StageInfer {
			t.Errorf("failure %+v is of another stage", f)
		}
	}
	if !slices.Equal(sink.paths, paths(items)) {
		t.Errorf("results are of %v", sink.paths)
	}
}

// pickySink refuses rows of some pictures, as one that stores smaller numbers does.
type pickySink struct {
	memorySink
	refused []string
	calls   int
}

func (s *pickySink) Append(rows []Row) error {
	s.calls++
	for i, r := range rows {
		if slices.Contains(s.refused, r.Path) {
			return fmt.Errorf("store: %w", &Refusal{Row: i, Err: errors.New("it does not fit")})
		}
	}
	return s.memorySink.Append(rows)
}

// A row that cannot be stored is a failure in its place; all others are stored, and counted.
func TestRunRefusedRows(t *testing.T) {
	items := greyPictures(t, 40, 21)
	for name, refused := range map[string][]string{
		"none": nil, "the first": {"000.png"}, "the last": {"039.png"}, "one": {"012.png"},
		"some": {"008.png", "009.png", "020.png", "022.png", "031.png"}, "a whole batch": {"016.png", "017.png", "018.png", "019.png"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &pickySink{refused: refused}
			stats, err := Run(context.Background(), items, &meanExtractor{batch: 4}, sink, config(2))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(sink.paths, paths(items)) {
				t.Errorf("results are of %v", sink.paths)
			}
			var failed []string
			for _, f := range sink.failures {
				if f.Stage == StageStore {
					failed = append(failed, f.Path)
				}
				if f.Stage == StageStore && f.Reason != "it does not fit" {
					t.Errorf("the reason is %q", f.Reason)
				}
			}
			if !slices.Equal(failed, refused) || stats.Failures != len(refused)+1 || stats.Rows != len(items)-len(refused)-1 {
				t.Errorf("%v were refused, want %v; %d rows, %d failures", failed, refused, stats.Rows, stats.Failures)
			}
			if sink.calls > 15+3*len(refused) {
				t.Errorf("rows were given %d times", sink.calls)
			}
		})
	}
}

// After a cancellation the batch that is being computed is finished and stored, and no
// other is begun.
func TestRunCancelled(t *testing.T) {
	items := greyPictures(t, 60)
	cause := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	extractor, sink := &meanExtractor{batch: 4}, &memorySink{}
	extractor.during = func(call int) {
		if call == 2 {
			cancel(cause)
			time.Sleep(200 * time.Millisecond) // let the other stages notice, even on a busy machine
		}
	}
	_, err := Run(ctx, items, extractor, sink, config(2))
	if !errors.Is(err, cause) {
		t.Errorf("error is %v, want the cancellation's cause", err)
	}
	if len(extractor.calls) != 3 || len(sink.rows) != 12 {
		t.Errorf("%d batches computed, %d rows stored; want 3 and 12", len(extractor.calls), len(sink.rows))
	}
}

// A cancelled run does not wait for a batch, or a picture, that takes too long: what stands
// before it is stored.
func TestRunLeavesWhatTakesLong(t *testing.T) {
	cause := errors.New("the user had enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ends, left := make(chan struct{}), make(chan struct{})
	extractor, sink := &meanExtractor{batch: 4}, &memorySink{}
	extractor.during = func(call int) {
		if call == 2 {
			cancel(cause)
			<-ends
			close(left)
		}
	}
	c := config(2)
	c.Grace = 10 * time.Millisecond
	stats, err := Run(ctx, greyPictures(t, 60), extractor, sink, c)
	if !errors.Is(err, cause) || !stats.Left {
		t.Errorf("error is %v, something left: %v; want the cancellation's cause, and true", err, stats.Left)
	}
	if len(sink.rows) != 8 || stats.Rows != 8 {
		t.Errorf("%d rows stored, %d counted, want the 8 before the batch that takes long", len(sink.rows), stats.Rows)
	}
	close(ends)
	<-left // the batch ends by itself, and nobody takes it
	if len(sink.rows) != 8 {
		t.Errorf("%d rows stored after the run", len(sink.rows))
	}
}

func TestRunEndsOnErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		extractor *meanExtractor
		sink      *memorySink
	}{
		"extractor": {&meanExtractor{batch: 4, err: broken}, &memorySink{}},
		"sink": {&meanExtractor{batch: 4}, &memorySink{appended: func(rows int) error {
			if rows >= 8 {
				return broken
			}
			return nil
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(context.Background(), greyPictures(t, 60), test.extractor, test.sink, config(2))
			if !errors.Is(err, broken) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// The decode stage must not run ahead of the model without bound.
func TestRunIsBounded(t *testing.T) {
	items := greyPictures(t, 200)
	extractor, sink := &meanExtractor{batch: 2}, &memorySink{}
	most := 0
	extractor.during = func(call int) {
		time.Sleep(time.Millisecond)
		// Items vanish from disk as soon as they could have been read; the ones that the
		// pipeline had no business to read yet are the ones still counted as present.
		if call == 10 {
			for _, item := range items[20+200/2:] {
				if err := os.Remove(item.File); err != nil {
					t.Error(err)
				}
				most++
			}
		}
	}
	if _, err := Run(context.Background(), items, extractor, sink, config(2)); err != nil {
		t.Fatal(err)
	}
	vanished := 0
	for _, f := range sink.failures {
		if f.Stage == StageRead {
			vanished++
		}
	}
	if vanished != most {
		t.Errorf("%d of %d images were read more than 100 ahead of a batch of 2", most-vanished, most)
	}
}

func TestStatsBottleneck(t *testing.T) {
	for name, test := range map[string]struct {
		stats Stats
		want  Busy
		rate  float64
	}{
		"nothing yet": {Stats{}, Busy{}, 0},
		"the model":   {Stats{Rows: 18, Failures: 2, Elapsed: 10 * time.Second, Workers: 2, Decode: 12 * time.Second, Infer: 9 * time.Second, Write: time.Second}, Busy{"infer", 0.9}, 2},
		"decoding":    {Stats{Rows: 5, Elapsed: 10 * time.Second, Workers: 2, Decode: 19 * time.Second, Infer: 9 * time.Second}, Busy{"decode", 0.95}, 0.5},
		"writing":     {Stats{Rows: 5, Elapsed: 10 * time.Second, Workers: 1, Write: 11 * time.Second}, Busy{"write", 1}, 0.5},
	} {
		if got := test.stats.Bottleneck(); got != test.want {
			t.Errorf("%s: the bottleneck is %v, want %v", name, got, test.want)
		}
		if got := test.stats.Rate(); got != test.rate {
			t.Errorf("%s: the rate is %g, want %g", name, got, test.rate)
		}
	}
}
