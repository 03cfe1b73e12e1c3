package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/sirupsen/logrus"

	"fovea/pipeline"
)

// lineInterval is the time between two log lines of progress.
const lineInterval = 5 * time.Second

// Progress shows the progress of a run over images: on a terminal by a bar with the rate and the remaining time,
// elsewhere by a log line every few seconds.
type Progress struct {
	total int
	last  time.Time
	// numbers says that the log is for programs: no times such as 1h2m3s.
	numbers bool

	bar    *progressbar.ProgressBar // nil without a terminal
	action string
}

// NewProgress begins to show a run over total images. Call Done at its end.
func (o *LogOptions) NewProgress(action string, total int) *Progress {
	p := &Progress{total: total, last: time.Now(), numbers: o.Format == "json", action: action}
	p.bar = o.newBar(action, total)
	return p
}

// newBar draws a bar below the log lines. It is nil where nobody would see it.
func (o *LogOptions) newBar(action string, total int) *progressbar.ProgressBar {
	if o.Quiet || o.Format == "json" || !terminal() {
		return nil
	}
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(action),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(false), // in the description, with the rate in full
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	logrus.SetOutput(&aboveBar{bar: bar})
	return bar
}

// Update shows the state of the run.
func (p *Progress) Update(s pipeline.Stats) {
	done, rate := s.Rows+s.Failures, s.Rate()
	if rate == 0 {
		return
	}
	remaining := float64(p.total-done) / rate
	if p.bar != nil {
		p.bar.Describe(p.description(rate, remaining, s.Failures))
		_ = p.bar.Set(done) // a bar that cannot be drawn must not end the work
		return
	}
	if done < p.total && time.Since(p.last) < lineInterval {
		return
	}
	p.last = time.Now()
	fields := logrus.Fields{"done": done, "of": p.total, "failed": s.Failures, "images_per_second": round(rate)}
	if p.numbers {
		fields["elapsed_seconds"], fields["remaining_seconds"] = round(s.Elapsed.Seconds()), round(remaining)
	} else {
		fields["remaining"] = wholeSeconds(remaining)
	}
	logrus.WithFields(fields).Info("progress")
}

// description stands before the bar.
func (p *Progress) description(rate, remaining float64, failed int) string {
	text := fmt.Sprintf("%s, %.2f images/s, %s left", p.action, rate, wholeSeconds(remaining))
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	return text
}

// wholeSeconds writes 3723 as 1h2m3s.
func wholeSeconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// Done removes the bar.
func (p *Progress) Done() { removeBar(p.bar) }

// removeBar undoes newBar.
func removeBar(bar *progressbar.ProgressBar) {
	if bar != nil {
		_ = bar.Exit()
		_ = bar.Clear()
		logrus.SetOutput(os.Stderr)
	}
}

// Steps shows the progress of a computation with a few long steps: on a terminal by a bar, elsewhere by a log line
// every few seconds.
type Steps struct {
	action, unit string
	total        int
	last         time.Time
	bar          *progressbar.ProgressBar
}

// NewSteps begins to show a computation of total steps. Call Done at its end.
func (o *LogOptions) NewSteps(action, unit string, total int) *Steps {
	return &Steps{action: action, unit: unit, total: total, last: time.Now(), bar: o.newBar(action, total)}
}

// Update shows the number of steps that are done.
func (s *Steps) Update(done int) {
	if s.bar != nil {
		_ = s.bar.Set(done) // a bar that cannot be drawn must not end the work
		return
	}
	if time.Since(s.last) >= lineInterval {
		s.last = time.Now()
		logrus.Infof("%s: %d of %d %s", s.action, done, s.total, s.unit)
	}
}

// Done removes the bar. It may be called on nil.
func (s *Steps) Done() {
	if s != nil {
		removeBar(s.bar)
	}
}

// round keeps two decimals: more of a rate is noise.
func round(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// aboveBar writes log lines above the bar, which they would tear otherwise.
type aboveBar struct {
	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

var _ io.Writer = (*aboveBar)(nil)

func (w *aboveBar) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.bar.Clear()
	n, err := os.Stderr.Write(p)
	_ = w.bar.RenderBlank()
	return n, err
}

// StepProgress returns a function that shows a computation whose number of steps is known only once it has
// begun, and one that ends it. The first is nil with --quiet.
func (o *LogOptions) StepProgress(action, unit string) (progress func(done, of int), done func()) {
	if o.Quiet {
		return nil, func() {}
	}
	var steps *Steps
	done = func() { steps.Done(); steps = nil }
	return func(n, of int) {
		if steps == nil {
			steps = o.NewSteps(action, unit, of)
		}
		if steps.Update(n); n == of {
			done()
		}
	}, done
}
