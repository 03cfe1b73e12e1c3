package models

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

	"fovea/inference"
	"fovea/internal/samples"
	"fovea/picture"
	"fovea/preprocessing"
	"fovea/recipe"
)

// Trial computes layers of a model for the built-in photographs, to compare precisions: what another one changes,
// and how fast it is. The photographs and their mirror images make one batch.
type Trial struct {
	// Layers are the names of the layers (default: the last one).
	Layers []string
	// Preprocessing replaces the model's own.
	Preprocessing preprocessing.Spec
}

// Trying is a Trial of one model. Its methods are for one goroutine at a time.
type Trying struct {
	extractor *inference.Extractor
	pixels    []float32
	pictures  int
	side      [2]int // height, width
}

// Begin prepares the trial of a model.
func (t Trial) Begin(model *inference.Model) (*Trying, error) {
	if len(t.Layers) == 0 {
		t.Layers = []string{model.Layers[len(model.Layers)-1].Name}
	}
	if t.Preprocessing.IsZero() {
		t.Preprocessing = model.Preprocessing
	}
	if t.Preprocessing.IsZero() {
		return nil, unstated(model.Name)
	}
	photos, err := samples.Photos()
	if err != nil {
		return nil, err
	}
	views, height, width := picture.Views("flip"), model.InputHeight, model.InputWidth
	if height == 0 {
		height, width = samples.Side, samples.Side
	}
	y := &Trying{pictures: len(photos) * views.Count(), side: [2]int{height, width}}
	size := views.Count() * height * width * t.Preprocessing.Depth()
	y.pixels = make([]float32, len(photos)*size)
	for i, photo := range photos {
		o := picture.Options{Width: width, Height: height, Views: views}
		if _, err := picture.DecodeTensor(y.pixels[i*size:(i+1)*size], photo.Data, o, t.Preprocessing); err != nil {
			return nil, fmt.Errorf("models: photograph %s: %w", photo.Name, err)
		}
	}
	y.extractor, err = inference.NewExtractor(model, inference.ExtractorOptions{Layers: t.Layers, Batch: y.pictures})
	return y, err
}

// Layers are the layers' names.
func (t *Trying) Layers() []string {
	var names []string
	for _, layer := range t.extractor.Layers() {
		names = append(names, layer.Name)
	}
	return names
}

// Drift is the largest 1 - cosine of a picture's layer in two precisions: averaged over positions or tokens, and
// whole. It is NaN if any value is.
type Drift struct {
	Averaged float64 `json:"averaged"`
	Whole    float64 `json:"whole"`
}

// DriftFrom computes the pictures in both precisions.
func (t *Trying) DriftFrom(exact *Trying) (Drift, error) {
	var drift Drift
	want, err := exact.features()
	if err != nil {
		return drift, err
	}
	got, err := t.features()
	if err != nil {
		return drift, err
	}
	for at, layer := range t.extractor.Layers() {
		size := layer.Size()
		for i := 0; i < len(want[at]); i += size {
			a, b := want[at][i:i+size], got[at][i:i+size]
			drift.Whole = math.Max(drift.Whole, apart(widened(a), widened(b))) // math.Max keeps NaN
			drift.Averaged = math.Max(drift.Averaged, apart(average(a, layer), average(b, layer)))
		}
	}
	return drift, nil
}

// features computes the layers of all pictures, one picture after another.
func (t *Trying) features() ([][]float32, error) {
	all := make([][]float32, len(t.extractor.Layers()))
	err := t.compute(func(features [][]float32) {
		for at := range all {
			all[at] = append(all[at], features[at]...)
		}
	})
	return all, err
}

// FasterThan says how many times as many pictures it computes in a second as the other does, in turns of at least
// so long each; the best turns count.
func (t *Trying) FasterThan(other *Trying, turns int, long time.Duration) (float64, error) {
	best := map[*Trying]float64{}
	for range turns {
		for _, each := range []*Trying{other, t} {
			speed, err := each.Time(long)
			if err != nil {
				return 0, err
			}
			best[each] = max(best[each], speed)
		}
	}
	return best[t] / best[other], nil
}

// Time computes the pictures for so long, at least once, with as many batches at a time as keep the device busy, and
// says how many it computed in a second.
func (t *Trying) Time(long time.Duration) (perSecond float64, err error) {
	begin, computed := time.Now(), 0
	var calls errgroup.Group
	calls.SetLimit(t.extractor.Parallel())
	for computed == 0 || time.Since(begin) < long {
		calls.Go(func() error { return t.compute(func([][]float32) {}) })
		computed += t.pictures
	}
	err = calls.Wait()
	return float64(computed) / time.Since(begin).Seconds(), err
}

// compute hands over the features of the pictures, as many at a time as the model takes.
func (t *Trying) compute(take func(features [][]float32)) error {
	one := len(t.pixels) / t.pictures
	for done := 0; done < t.pictures; {
		n := min(t.extractor.BatchSize(), t.pictures-done)
		pixels := t.pixels[done*one : (done+n)*one]
		var features [][]float32
		var err error
		if t.extractor.Model().InputHeight == 0 {
			features, err = t.extractor.ExtractSized(pixels, n, t.side[0], t.side[1])
		} else {
			features, err = t.extractor.Extract(pixels, n)
		}
		if err != nil {
			return err
		}
		take(features)
		done += n
	}
	return nil
}

func widened(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// average is the mean of a layer's values over its positions or tokens; the channel varies fastest in both.
func average(values []float32, layer recipe.Layer) []float64 {
	channels := layer.Shape[len(layer.Shape)-1]
	mean := make([]float64, channels)
	for i, v := range values {
		mean[i%channels] += float64(v) * float64(channels) / float64(len(values))
	}
	return mean
}

// apart is 1 - cosine, computed from the difference of the unit vectors, which keeps its digits.
func apart(a, b []float64) float64 {
	aa, bb := 0.0, 0.0
	for i := range a {
		aa, bb = aa+a[i]*a[i], bb+b[i]*b[i]
	}
	if aa == 0 && bb == 0 {
		return 0
	}
	aa, bb = math.Sqrt(aa), math.Sqrt(bb)
	if aa == 0 || bb == 0 {
		return 1
	}
	sum := 0.0
	for i := range a {
		d := a[i]/aa - b[i]/bb
		sum += d * d
	}
	return sum / 2
}
