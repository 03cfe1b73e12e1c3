package main

import (
	"fmt"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"fovea/featurestore"
	"fovea/inputs"
	"fovea/internal/metrics"
	"fovea/pipeline"
)

// watch is what an extraction tells of itself besides its progress: metrics while it runs, and
// a summary at its end.
type watch struct {
	address string
	metrics metrics.Extraction
	server  *metrics.Server // nil without an address

	began   time.Time
	startUp time.Duration // until the pictures are listed and the model is open
}

func (w *watch) add(f *pflag.FlagSet) {
	f.StringVar(&w.address, "metrics-addr", "", "`ADDRESS` at which Prometheus finds /metrics during the run, such as localhost:9090 (port 0: a free one; default: none)")
}

// begin opens the address of the metrics, before there is any work to be lost.
func (w *watch) begin() error {
	w.began = time.Now()
	if w.address == "" {
		return nil
	}
	var err error
	if w.server, err = metrics.Listen(w.address, metrics.NewRegistry(&w.metrics)); err != nil {
		return fmt.Errorf("--metrics-addr %s: %w; give another HOST:PORT, port 0 takes a free one", w.address, err)
	}
	logrus.Infof("metrics on http://%s/metrics", w.server.Address())
	return nil
}

// end closes the address.
func (w *watch) end() {
	if w.server == nil {
		return
	}
	if err := w.server.Stop(); err != nil {
		logrus.Warn(err) // the work is done, whoever watched it
	}
}

// opened notes what there is to do, and when it began.
func (w *watch) opened(wanted, skipped, batch int) {
	w.startUp = time.Since(w.began)
	w.metrics.Wanted.Store(int64(wanted))
	w.metrics.Skipped.Store(int64(skipped))
	w.metrics.BatchSize.Store(int64(batch))
}

// stageNames are the stages for people.
var stageNames = map[string]string{"decode": "decoding", "infer": "the model", "write": "writing"}

// summary is the time per stage, in numbers for programs.
func (w *watch) summary(s pipeline.Stats) logrus.Fields {
	fields := logrus.Fields{
		"rows": s.Rows, "failed": s.Failures, "read_bytes": s.Bytes,
		"startup_seconds": seconds(w.startUp), "elapsed_seconds": seconds(s.Elapsed), "images_per_second": hundredths(s.Rate()),
		"decode_seconds": seconds(s.Decode), "infer_seconds": seconds(s.Infer), "write_seconds": seconds(s.Write),
		"bottleneck": s.Bottleneck().Stage,
	}
	for _, b := range s.Busy() {
		fields[b.Stage+"_busy"] = hundredths(b.Share)
	}
	return fields
}

// sentence is the same for people.
func (w *watch) sentence(s pipeline.Stats) string {
	busy := ""
	for _, b := range s.Busy() {
		busy += fmt.Sprintf(", %s %.0f%%", stageNames[b.Stage], 100*b.Share)
	}
	if s.Rows+s.Failures == 0 {
		return fmt.Sprintf("%.1f s to open, %.1f s without an image done.", w.startUp.Seconds(), s.Elapsed.Seconds())
	}
	return fmt.Sprintf("%.1f s to open, %.1f s for %d images of %.1f MB (%.2f a second); at work: %s. The bottleneck was %s.",
		w.startUp.Seconds(), s.Elapsed.Seconds(), s.Rows+s.Failures, float64(s.Bytes)/1e6, s.Rate(), busy[2:], stageNames[s.Bottleneck().Stage])
}

// seconds keeps milliseconds.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

func hundredths(x float64) float64 { return float64(int(100*x+0.5)) / 100 }

// summarize says what was done, and which stage took the time.
func (o *options) summarize(stats pipeline.Stats, sink *datasetSink, others pipeline.Others, err error) {
	switch {
	case stats.Elapsed == 0:
	case o.log.Format == "json":
		logrus.WithFields(o.watch.summary(stats)).Infof("%d rows written", stats.Rows)
	default:
		logrus.Infof("%d rows written", stats.Rows)
		logrus.Info(o.watch.sentence(stats))
	}
	if sink.present > 0 {
		logrus.Infof("%d images were done before", sink.present)
	}
	if stats.Left {
		logrus.Infof("what was under way took more than %s: its images are left for later", grace)
	}
	if err != nil {
		logrus.Infof("what is finished is in %s; run the same command with --resume to go on", o.place())
		return
	}
	if failures := sink.failures(); failures > 0 {
		logrus.Warnf("%d images could not be read: see %s/%s", failures, o.place(), featurestore.FailuresFile)
	}
	if foreign := inputs.Foreign(others); foreign != "" {
		logrus.Warn(foreign)
	}
	logrus.Infof("the dataset is in %s", o.place())
}
