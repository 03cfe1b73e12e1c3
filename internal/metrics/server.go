package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry registers own, and the collectors of the process and of Go.
func NewRegistry(own ...prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(own...)
	return registry
}

// Handler answers scrapes.
func Handler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// stopTimeout is how long Stop waits for scrapes in progress.
const stopTimeout = time.Second

// Server answers scrapes of /metrics until Stop.
type Server struct {
	web     http.Server
	address net.Addr
	served  chan error
}

// Listen starts a server on address, HOST:PORT; port 0 means any that is free. An address that is not
// available is an error at once. The caller ends the server by Stop.
func Listen(address string, registry *prometheus.Registry) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Handler(registry))
	s := &Server{
		web:     http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16},
		address: listener.Addr(),
		served:  make(chan error, 1),
	}
	go func() { s.served <- s.web.Serve(listener) }() // ends with Stop, which waits for it
	return s, nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.address.String() }

// Stop accepts no more scrapes, waits at most a second for those in progress, and returns when the server has
// ended. If it had failed before, that is the error.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.web.Shutdown(ctx); err != nil {
		_ = s.web.Close() // whoever still reads is cut off
	}
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
