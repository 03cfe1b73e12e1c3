package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"fovea/pipeline"
)

// Extraction are the metrics of one run of the pipeline, read from its counters whenever they
// are asked for. The zero value is ready; what is not known yet is 0.
type Extraction struct {
	// Monitor is to be given to the pipeline.
	Monitor pipeline.Monitor
	// Wanted is the number of pictures of this run, Skipped that of those done by earlier
	// runs, BatchSize that of the pictures computed together.
	Wanted, Skipped, BatchSize atomic.Int64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("extract_"+name, help, labels, nil)
}

var (
	wanted   = describe("images_wanted", "Images that this run has to do.")
	pictures = describe("images_total", "Images, by what became of them: done, failed, or skipped since an earlier run did them.", "outcome")
	rate     = describe("images_per_second", "Images done and failed in a second, on average of this run.")
	bytes    = describe("read_bytes_total", "Size of the image files read.")
	batches  = describe("batches_total", "Batches computed by the model.")
	batch    = describe("batch_size_images", "Images computed together.")
	seconds  = describe("stage_seconds_total", "Time at work: in decode summed over its workers, else of the one goroutine.", "stage")
	workers  = describe("decode_workers", "Images decoded at a time.")
	waiting  = describe("queue_length", "What waits for a stage: images for decode and batch, batches for infer and write.", "stage")
	capacity = describe("queue_capacity", "What can wait for a stage.", "stage")
)

// Describe implements prometheus.Collector.
func (e *Extraction) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{wanted, pictures, rate, bytes, batches, batch, seconds, workers, waiting, capacity} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (e *Extraction) Collect(metrics chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	s := e.Monitor.Stats()
	gauge(wanted, float64(e.Wanted.Load()))
	counter(pictures, float64(s.Rows), "done")
	counter(pictures, float64(s.Failures), "failed")
	counter(pictures, float64(e.Skipped.Load()), "skipped")
	gauge(rate, s.Rate())
	counter(bytes, float64(s.Bytes))
	counter(batches, float64(s.Batches))
	gauge(batch, float64(e.BatchSize.Load()))
	counter(seconds, s.Decode.Seconds(), "decode")
	counter(seconds, s.Infer.Seconds(), "infer")
	counter(seconds, s.Write.Seconds(), "write")
	gauge(workers, float64(s.Workers))
	for _, q := range s.Queues {
		gauge(waiting, float64(q.Waiting), q.Stage)
		gauge(capacity, float64(q.Capacity), q.Stage)
	}
}
