package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"fovea/internal/metrics"
)

// Defaults of ServerOptions.
const (
	DefaultMaxBytes = 20 << 20
	DefaultTimeout  = 30 * time.Second
	DefaultRequests = 64
)

// ServerOptions bound what clients can make a Server do, and say what it answers.
type ServerOptions struct {
	// Decision makes the label, and says how many probabilities are in an answer.
	Decision Decision
	// MaxBytes is the most bytes of an image's file (default: DefaultMaxBytes).
	MaxBytes int64
	// Timeout is the longest time from a request to its answer (default: DefaultTimeout).
	Timeout time.Duration
	// Requests is the number of requests in progress at a time (default: DefaultRequests).
	Requests int
	// Decoders is the number of images decoded at a time (default: one per CPU). An image takes four
	// bytes a pixel or more while it is decoded, and no more than its file while it waits.
	Decoders int
}

func (o ServerOptions) withDefaults() ServerOptions {
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.Requests = cmp.Or(o.Requests, DefaultRequests)
	o.Decoders = cmp.Or(o.Decoders, runtime.GOMAXPROCS(0))
	return o
}

// Server answers requests for predictions over HTTP:
//
//	POST /predict   the bytes of an image in, its label and probabilities as JSON out
//	GET  /healthz   200 while images can be predicted
//	GET  /metrics   for Prometheus
//
// Each request's handler decodes its image, and one goroutine computes what they hand to it, as many
// images at a time as there are.
type Server struct {
	predictor *Predictor
	options   ServerOptions
	batcher   *batcher
	// slots are taken by requests in progress, decoders by images being decoded.
	slots    chan struct{}
	decoders chan struct{}
	stopping atomic.Bool

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	underWay prometheus.Gauge
}

// NewServer makes a server of predictions. A predictor with AnyBatch answers single requests several
// times as fast. ErrDecision says that the options do not suit the classes.
func NewServer(p *Predictor, o ServerOptions) (*Server, error) {
	o = o.withDefaults()
	if err := o.Decision.Validate(p.Classes()); err != nil {
		return nil, err
	}
	s := &Server{
		predictor: p, options: o, slots: make(chan struct{}, o.Requests), decoders: make(chan struct{}, o.Decoders),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finetune_requests_total", Help: "Requests for predictions, by HTTP status."}, []string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "finetune_request_seconds", Help: "Time from a request to its answer.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		underWay: prometheus.NewGauge(prometheus.GaugeOpts{Name: "finetune_requests_under_way", Help: "Requests for predictions that are not answered yet."}),
	}
	batches := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "finetune_batch_images", Help: "Images computed together.", Buckets: prometheus.ExponentialBuckets(1, 2, 8),
	})
	s.batcher = newBatcher(p, batches)
	s.registry = metrics.NewRegistry(s.requests, s.seconds, batches, s.underWay)
	return s, nil
}

// Serve answers on a listener until ctx ends, then takes no more requests and finishes those under
// way. It closes the listener. A Server serves once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	web := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       s.options.Timeout,
		WriteTimeout:      2 * s.options.Timeout, // the answer may come at the end of the first
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    1 << 16,
	}
	var group errgroup.Group
	failed := make(chan struct{})
	group.Go(func() error {
		defer close(failed)
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving: %w", err)
		}
		return nil
	})
	group.Go(func() error { s.batcher.run(); return nil })
	select {
	case <-ctx.Done():
	case <-failed:
	}
	s.stopping.Store(true)
	// The handlers end by their own timeouts.
	shutdown, cancel := context.WithTimeout(context.Background(), 2*s.options.Timeout)
	defer cancel()
	err := web.Shutdown(shutdown)
	s.batcher.stop()
	return errors.Join(err, group.Wait())
}
