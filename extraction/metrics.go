package extraction

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"fovea/pipeline"
)

// Metrics are a run's metrics for Prometheus, read from the pipeline's counters on each request. The zero
// value is ready for use, for one run; values not known yet are 0. Metrics is a prometheus.Collector.
type Metrics struct {
	// Monitor is the pipeline's.
	Monitor pipeline.Monitor
	// wanted is the number of this run's images, skipped that of those done by earlier runs, batchSize that of
	// the images computed together.
	wanted, skipped, batchSize atomic.Int64
}

// begin enters what there is to do.
func (m *Metrics) begin(wanted, skipped, batchSize int) {
	m.wanted.Store(int64(wanted))
	m.skipped.Store(int64(skipped))
	m.batchSize.Store(int64(batchSize))
}

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("extract_"+name, help, labels, nil)
}

var (
	wantedDesc   = described("images_wanted", "Images that this run has to process.")
	imagesDesc   = described("images_total", "Images by outcome: done, failed, or skipped because an earlier run did them.", "outcome")
	rateDesc     = described("images_per_second", "Images done and failed per second, averaged over this run.")
	bytesDesc    = described("read_bytes_total", "Bytes of image files read.")
	batchesDesc  = described("batches_total", "Batches computed by the model.")
	batchDesc    = described("batch_size_images", "Images computed together.")
	secondsDesc  = described("stage_seconds_total", "Time that a stage was at work; for decode, summed over its workers.", "stage")
	workersDesc  = described("decode_workers", "Images decoded at a time.")
	waitingDesc  = described("queue_length", "Items waiting for a stage: images for decode and batch, batches for infer and write.", "stage")
	capacityDesc = described("queue_capacity", "Items that can wait for a stage.", "stage")
)

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{wantedDesc, imagesDesc, rateDesc, bytesDesc, batchesDesc, batchDesc, secondsDesc, workersDesc, waitingDesc, capacityDesc} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(metrics chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := m.Monitor.Stats()
	gauge(wantedDesc, float64(m.wanted.Load()))
	counter(imagesDesc, float64(s.Rows), "done")
	counter(imagesDesc, float64(s.Failures), "failed")
	counter(imagesDesc, float64(m.skipped.Load()), "skipped")
	gauge(rateDesc, s.Rate())
	counter(bytesDesc, float64(s.Bytes))
	counter(batchesDesc, float64(s.Batches))
	gauge(batchDesc, float64(m.batchSize.Load()))
	counter(secondsDesc, s.Decode.Seconds(), "decode")
	counter(secondsDesc, s.Infer.Seconds(), "infer")
	counter(secondsDesc, s.Write.Seconds(), "write")
	gauge(workersDesc, float64(s.Workers))
	for _, q := range s.Queues {
		gauge(waitingDesc, float64(q.Waiting), q.Stage)
		gauge(capacityDesc, float64(q.Capacity), q.Stage)
	}
}
