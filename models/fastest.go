package models

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/inference"
	"fovea/recipe"
)

// fastest opens a model in inference.PrecisionAuto.
type fastest struct {
	name    string
	options Options
	// refused are the arithmetics that were not taken, with the reason.
	refused []string
}

// open opens the model in the fastest arithmetic that drifts little enough, and logs which one that is and why.
func (f *fastest) open() (*inference.Model, error) {
	candidates := f.candidates()
	if len(candidates) > 0 && f.ships() {
		model, err := f.in(candidates[0].Precision)
		if err != nil {
			return nil, err
		}
		if recipe.Published(model.SHA256) && model.Recipe().Method == candidates[0].Method {
			f.say(candidates[0], fmt.Sprintf("%.1f times as fast as float32, and its published drift is %.1e", candidates[0].Speed, candidates[0].Averaged))
			return model, nil
		}
		if err := model.Close(); err != nil {
			return nil, err
		}
	}
	exact, err := f.in(string(inference.Float32))
	if err != nil {
		return nil, err
	}
	model, taken, why := f.try(exact, candidates)
	if model == nil {
		logrus.Infof("--precision auto: computing in float32: %s", strings.Join(f.refused, "; "))
		return exact, nil
	}
	f.say(taken, why)
	return model, exact.Close()
}

func (f *fastest) say(a recipe.Arithmetic, why string) {
	logrus.Infof("--precision auto: computing in %s: %s (--max-drift %.1e)", a.Name(), why, f.options.Session.Drift())
}

// candidates are the arithmetics to try, the fastest first.
func (f *fastest) candidates() []recipe.Arithmetic {
	candidates, why := f.options.Session.Candidates()
	switch {
	case f.options.Session.OnGPU():
		candidates, why = nil, "GPUs compute faster in tf32 or float16, if that is precise enough for you"
	case f.options.Convolutions == Direct:
		candidates, why = nil, "TensorFlow's own convolutions are faster in no other precision"
	}
	if why != "" {
		f.refused = append(f.refused, why)
	}
	like := f.options.Like
	return slices.DeleteFunc(candidates, func(a recipe.Arithmetic) bool {
		other := like
		other.Precision, other.Method = a.Precision, a.Method
		if like.Precision == "" || like.Mixes(other) {
			return false
		}
		f.refused = append(f.refused, fmt.Sprintf("%s may not be mixed with %s", a.Name(), like.Arithmetic()))
		return true
	})
}

// ships says whether the model is the one whose drift is published.
func (f *fastest) ships() bool {
	if _, _, isSavedModel := SavedModel(f.name); isSavedModel || f.name != Default {
		return false
	}
	c, err := configuration(f.name)
	if err != nil {
		return false
	}
	file, err := weightsFile(c, f.options.Dir)
	if err == nil {
		_, err = os.Stat(file)
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoCache)
}

// in opens the model in a precision.
func (f *fastest) in(precision string) (*inference.Model, error) {
	options := f.options
	options.Session.Precision, options.Session.MaxDrift = inference.Precision(precision), 0
	return open(f.name, options)
}

// measuredMargin is how much less than the limit the drift must be that a few photographs show: the worst of many is
// worse.
const measuredMargin = 4

// try measures a model whose drift is not published. It returns the first candidate that is faster and drifts
// little enough, or nil.
func (f *fastest) try(exact *inference.Model, candidates []recipe.Arithmetic) (*inference.Model, recipe.Arithmetic, string) {
	switch {
	case len(candidates) == 0:
		return nil, recipe.Arithmetic{}, ""
	case exact.Preprocessing.IsZero() && f.options.Preprocessing.IsZero():
		f.refused = append(f.refused, "others cannot be tried without knowing the model's preprocessing")
		return nil, recipe.Arithmetic{}, ""
	}
	reference, err := f.trial(exact)
	if err != nil {
		f.refused = append(f.refused, "others cannot be tried: "+err.Error())
		return nil, recipe.Arithmetic{}, ""
	}
	for _, a := range candidates {
		model, err := f.in(a.Precision)
		if err != nil {
			f.refused = append(f.refused, err.Error())
			continue
		}
		why, err := f.compare(reference, model, a)
		if err == nil {
			return model, a, why
		}
		f.refused = append(f.refused, a.Name()+": "+err.Error())
		_ = model.Close() // it is not used
	}
	return nil, recipe.Arithmetic{}, ""
}

func (f *fastest) trial(model *inference.Model) (*Trying, error) {
	return Trial{Layers: f.options.Layers, Preprocessing: f.options.Preprocessing}.Begin(model)
}

// compare says why a candidate is taken, or the error why it is not.
func (f *fastest) compare(reference *Trying, model *inference.Model, a recipe.Arithmetic) (string, error) {
	if got := model.Recipe().Arithmetic(); got != a.Name() {
		return "", fmt.Errorf("it would be computed in %s", got)
	}
	candidate, err := f.trial(model)
	if err != nil {
		return "", err
	}
	drift, err := candidate.DriftFrom(reference)
	if err != nil {
		return "", err
	}
	limit := f.options.Session.Drift()
	if !(drift.Averaged <= limit/measuredMargin) {
		return "", fmt.Errorf("%s drifted by %.1e in a trial, which is more than a quarter of --max-drift %.1e", strings.Join(candidate.Layers(), ","), drift.Averaged, limit)
	}
	speed, err := candidate.FasterThan(reference, 2, 300*time.Millisecond)
	if err != nil {
		return "", err
	}
	if speed < 1.05 {
		return "", fmt.Errorf("it was %.2f times as fast as float32 in a trial", speed)
	}
	return fmt.Sprintf("%.1f times as fast as float32 in a trial, in which %s drifted by %.1e", speed, strings.Join(candidate.Layers(), ","), drift.Averaged), nil
}
