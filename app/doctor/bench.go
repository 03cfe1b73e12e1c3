package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"fovea/inference"
	"fovea/internal/text"
	"fovea/models"
	"fovea/recipe"
)

// Precision is what the model does in one arithmetic of CPUs.
type Precision struct {
	Name         string `json:"name"`
	Instructions string `json:"instructions,omitempty"`
	// ImagesPerSecond is the speed of the model, without decoding, 0 if it was not measured; Speed is relative to
	// float32.
	ImagesPerSecond float64 `json:"images_per_second,omitempty"`
	Speed           float64 `json:"speed,omitempty"`
	// Drift is how far Layer is from float32 here, Published how far VGG16's pool5 is, over more photographs.
	Layer     string        `json:"layer,omitempty"`
	Drift     *models.Drift `json:"drift,omitempty"`
	Published *models.Drift `json:"published_drift,omitempty"`
	// Auto says that --precision auto takes it.
	Auto bool `json:"auto,omitempty"`
	// Experimental says that it could not be run on any machine before it was published.
	Experimental bool `json:"experimental,omitempty"`
	// Unmeasured says why it was not measured.
	Unmeasured string `json:"unmeasured,omitempty"`
}

// Turns of the precisions. One moment of a shared machine is not like the next, so the best turn counts.
const (
	turns = 3
	turn  = 1200 * time.Millisecond
)

// bench measures the model in all arithmetics of CPUs, in turns.
type bench struct {
	options Options
	name    string
	rows    []Precision
	trials  []*models.Trying // nil where a row was not measured
	opened  []*inference.Model
}

func (r *Report) bench(ctx context.Context, options Options) {
	b := bench{options: options, name: cmp.Or(options.Model, models.Default)}
	err := b.run(ctx)
	for _, model := range b.opened {
		err = errors.Join(err, model.Close())
	}
	if err != nil {
		r.add("precisions", Warning, "not measured: "+err.Error(), "the message says what is wrong; the check of the model may say more")
		return
	}
	r.Precisions = b.rows
}

func (b *bench) run(ctx context.Context) error {
	taken, err := b.taken()
	if err != nil {
		return err
	}
	for _, a := range recipe.Arithmetics {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		b.prepare(a, taken)
	}
	if b.trials[0] == nil { // float32
		return errors.New(b.rows[0].Unmeasured)
	}
	for range turns {
		for i, trial := range b.trials {
			if trial == nil {
				continue
			}
			speed, err := trial.Time(turn)
			if err := errors.Join(err, context.Cause(ctx)); err != nil {
				return err
			}
			b.rows[i].ImagesPerSecond = max(b.rows[i].ImagesPerSecond, speed)
		}
	}
	for i := range b.rows {
		b.rows[i].Speed = b.rows[i].ImagesPerSecond / b.rows[0].ImagesPerSecond
	}
	return nil
}

// taken is the arithmetic that precision auto takes for the model.
func (b *bench) taken() (string, error) {
	model, err := b.open(inference.PrecisionAuto, "")
	if err != nil {
		return "", err
	}
	return model.Recipe().Arithmetic(), model.Close()
}

func (b *bench) open(precision inference.Precision, convolutions string) (*inference.Model, error) {
	session := b.options.Session
	session.Device, session.Precision = inference.DeviceCPU, precision
	if precision != inference.PrecisionAuto {
		session.MaxDrift = 0
	}
	return models.Open(b.name, models.Options{Session: session, Preprocessing: b.options.Preprocessing, Trust: b.options.Trust, Convolutions: convolutions})
}

// prepare adds the row of an arithmetic, with its drift. The first one is float32.
func (b *bench) prepare(a recipe.Arithmetic, taken string) {
	used, _ := inference.UsedFor(a.Name())
	row := Precision{Name: a.Name(), Instructions: string(a.Instructions), Auto: used == a && a.Name() == taken, Experimental: a.Experimental}
	if a.Averaged > 0 {
		row.Published = &models.Drift{Averaged: a.Averaged, Whole: a.Whole}
	}
	trial, err := b.try(a)
	if err == nil && len(b.trials) > 0 {
		var drift models.Drift
		if drift, err = trial.DriftFrom(b.trials[0]); err == nil {
			row.Drift = &drift
		}
	}
	if err != nil {
		row.Unmeasured, trial = err.Error(), nil
	} else {
		row.Layer = trial.Layers()[0]
	}
	b.rows, b.trials = append(b.rows, row), append(b.trials, trial)
}

// try opens the model in an arithmetic.
func (b *bench) try(a recipe.Arithmetic) (*models.Trying, error) {
	switch used, found := inference.UsedFor(a.Name()); {
	case !found:
		return nil, fmt.Errorf("this CPU has no %s", a.Instructions)
	case used != a:
		return nil, fmt.Errorf("this CPU computes it by %s", used.Instructions)
	}
	convolutions := models.Automatic
	if a.Convolutions == "" {
		convolutions = models.Direct
	}
	model, err := b.open(inference.Precision(a.Precision), convolutions)
	if err != nil {
		return nil, err
	}
	b.opened = append(b.opened, model)
	if got := model.Recipe().Arithmetic(); got != a.Name() {
		return nil, fmt.Errorf("it is computed in %s here", got)
	}
	return models.Trial{}.Begin(model)
}

// writePrecisions prints the precisions for people.
func writePrecisions(w io.Writer, precisions []Precision) error {
	fmt.Fprintf(w, "\n")
	table := text.NewTable(w)
	fmt.Fprintln(table, "PRECISION\tBY\tIMAGES/S\tSPEED\tDRIFT\tWHOLE\tPUBLISHED\tWHOLE\t")
	drift := func(d *models.Drift) string {
		if d == nil {
			return "\t"
		}
		return fmt.Sprintf("%.1e\t%.1e", d.Averaged, d.Whole)
	}
	for _, p := range precisions {
		note := ""
		if p.Auto {
			note = "<- --precision auto"
		}
		if p.Experimental {
			note = "experimental"
		}
		if p.Unmeasured != "" {
			fmt.Fprintf(table, "%s\t%s\t-\t-\t-\t-\t%s\t%s\n", p.Name, p.Instructions, drift(p.Published), p.Unmeasured)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.2f\t%s\t%s\t%s\n", p.Name, p.Instructions, p.ImagesPerSecond, p.Speed, drift(p.Drift), drift(p.Published), note)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nDrift is the largest 1 - cosine to %s in float32, averaged over positions and whole:\nhere of four photographs and their mirror images, published of VGG16's pool5 over 300 photos.\n", precisions[0].Layer)
	return err
}
