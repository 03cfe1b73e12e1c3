package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"fovea/internal/metrics"
	"fovea/picture"
)

// Server answers requests for predictions over HTTP:
//
//	GET  /          a page to drop photos on
//	POST /predict   images in, their labels and probabilities as JSON out
//	POST /embed     their features
//	POST /similar   the rows of a dataset that are most similar to them
//	GET  /healthz   200 while images can be predicted
//	GET  /metrics   for Prometheus
//
// and others, which GET /openapi.json describes, among them those of TensorFlow Serving's REST and of the Open Inference
// Protocol.
//
// A request's handler receives its file within bodies, takes a slot, and decodes the image when its turn
// among the decoders comes. One goroutine computes what the handlers hand to it, as many images at a
// time as there are.
type Server struct {
	predictor *Predictor
	options   ServerOptions
	batcher   *batcher
	bodies    *bodies
	// slots are taken by requests whose file has arrived.
	slots chan struct{}
	// open are the requests that are not answered yet.
	open         atomic.Int64
	writeTimeout time.Duration // defaultWriteTimeout, or less
	decoders     *decoders
	stopping     atomic.Bool

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	underWay prometheus.Gauge
	refused  *prometheus.CounterVec
}

// NewServer makes a server of predictions. A predictor with AnyBatch answers single requests several
// times as fast. ErrDecision says that the options do not suit the classes, ErrMemory that they do not
// suit the predictor's largest images.
func NewServer(p *Predictor, o ServerOptions) (*Server, error) {
	maxPixels := cmp.Or(p.config.Picture.MaxPixels, picture.DefaultMaxPixels)
	if err := errors.Join(o.Decision.Validate(p.Classes()), o.Decision.CheckUnknown(p.head), o.Validate(maxPixels)); err != nil {
		return nil, err
	}
	o = o.withDefaults(maxPixels)
	s := &Server{
		predictor: p, options: o, bodies: newBodies(o), slots: make(chan struct{}, o.Requests), decoders: newDecoders(o, maxPixels), writeTimeout: defaultWriteTimeout,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finetune_requests_total", Help: "Requests for predictions, by HTTP status."}, []string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "finetune_request_seconds", Help: "Time from a request to its answer.", Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		underWay: prometheus.NewGauge(prometheus.GaugeOpts{Name: "finetune_requests_under_way", Help: "Requests for predictions that are not answered yet."}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "finetune_refused_total", Help: "Requests for predictions refused to protect the server, by reason."}, []string{"reason"}),
	}
	batches := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "finetune_batch_images", Help: "Images computed together.", Buckets: prometheus.ExponentialBuckets(1, 2, 8),
	})
	s.batcher = newBatcher(p, batches)
	models := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "finetune_model_info", Help: "The models that compute the features; the value is always 1."}, []string{"model", "sha256"})
	for _, part := range p.head.Recipe.Parts() {
		models.WithLabelValues(part.Model, part.ModelSHA256).Set(1)
	}
	s.registry = metrics.NewRegistry(models, s.requests, s.seconds, batches, s.underWay, s.refused, s.bodies.holding, s.decoders.decoding)
	return s, nil
}

// Serve answers on a listener until ctx ends, then takes no more requests and finishes those under
// way. It closes the listener. A Server serves once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := s.newHTTP()
	var group errgroup.Group
	failed := make(chan struct{})
	group.Go(func() error {
		defer close(failed)
		if err := s.options.Site.Serve(server, listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving: %w", err)
		}
		return nil
	})
	group.Go(func() error { s.batcher.run(); return nil })
	watching, done := context.WithCancel(ctx)
	defer done()
	group.Go(func() error { s.options.Site.Watch(watching); return nil })
	select {
	case <-ctx.Done():
	case <-failed:
	}
	done()
	s.stopping.Store(true)
	s.bodies.stop()
	// The handlers end by their own timeouts.
	shutdown, cancel := context.WithTimeout(context.Background(), s.options.Timeout+2*s.writeTimeout)
	defer cancel()
	err := server.Shutdown(shutdown)
	if err != nil {
		_ = server.Close() // whoever still reads or writes is cut off
	}
	s.batcher.stop()
	return errors.Join(err, group.Wait())
}

func (s *Server) newHTTP() *http.Server {
	return &http.Server{
		Handler:           s.options.Site.Handler(s.limited(s.routes())),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second, // predict sets its own
		WriteTimeout:      s.writeTimeout,   // computing sets its own
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    1 << 13,
		ConnState:         newConnections(s.options, s.bodies).changed,
		// OPTIONS * is answered with the headers of all others.
		DisableGeneralOptionsHandler: true,
	}
}
