package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"fovea/app/cli"
	"fovea/head"
	"fovea/models"
)

type serveOptions struct {
	predict  predictOptions
	listen   string
	maxBytes int64
	timeout  time.Duration
	waiting  int
	pixels   int
}

func newServe(log *cli.LogOptions) *cobra.Command {
	o := serveOptions{predict: predictOptions{log: log}}
	command := &cobra.Command{
		Use:   "serve --head HEAD [flags]",
		Short: "Answer with predictions over HTTP",
		Long: `Serve loads the head's model once and answers over HTTP until it is interrupted:

  POST /predict   the bytes of an image in, its label and probabilities as JSON out
  GET  /healthz   200 once images can be predicted
  GET  /metrics   for Prometheus

Images that come at the same time are computed together. What is wrong with an image is
status 422, one of too many bytes 413, too many at a time 503 (with Retry-After), too long a
wait 504; each has a JSON object with the error. On interruption no more images are taken, and those under
way are answered. There is neither encryption nor authentication: put a proxy before it.`,
		Example: `  finetune serve --head cats-vs-dogs.head --listen localhost:8080
  curl --data-binary @photo.jpg http://localhost:8080/predict`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.predict.head, "head", "", "the head's `FILE` (required)")
	f.StringVar(&o.listen, "listen", "localhost:8080", "the `ADDRESS` to listen on")
	f.Int64Var(&o.maxBytes, "max-bytes", 20<<20, "most bytes of an image's file")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "longest time from a request to its answer")
	f.IntVar(&o.waiting, "max-requests", 64, "requests under way at a time; more are refused")
	f.IntVar(&o.pixels, "max-pixels", 40_000_000, "most pixels of an image; as many as there are CPUs are decoded at a time")
	o.predict.decisionFlags(f)
	o.predict.modelFlags(f)
	return command
}

func (o *serveOptions) validate() error {
	switch {
	case o.predict.head == "":
		return cli.Usagef("--head HEAD is required")
	case o.maxBytes < 1 || o.waiting < 1 || o.timeout <= 0 || o.pixels < 1:
		return cli.Usagef("--max-bytes, --max-pixels, --max-requests and --timeout must be positive")
	}
	return nil
}

func (o *serveOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	h, err := head.Load(o.predict.head)
	if err != nil {
		return err
	}
	o.predict.decision.classes = h.Classes
	if err := o.predict.decision.check(); err != nil {
		return err
	}
	if err := oneSize(h, o.predict.head); err != nil {
		return err
	}
	model, err := o.predict.openModel(h, models.Automatic)
	if err != nil {
		return err
	}
	defer model.Close() //nolint:errcheck // the process ends here
	extractor, config, err := o.predict.prepareSized(h, model)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("cannot listen; --listen chooses another address: %w", err)
	}
	s := newServer(h, o.predict.decision, extractor, config, serverLimits{maxBytes: o.maxBytes, timeout: o.timeout, requests: o.waiting, pixels: o.pixels})
	logrus.Infof("predicting %s on http://%s/predict", joinClasses(h.Classes), listener.Addr())
	return s.serve(ctx, listener)
}

// serve answers until ctx ends, then finishes what is under way.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	web := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       s.limits.timeout,
		WriteTimeout:      2 * s.limits.timeout, // the answer may come at the end of the first
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    1 << 16,
	}
	var group errgroup.Group
	failed := make(chan struct{})
	group.Go(func() error {
		defer close(failed)
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error { s.compute(); return nil })
	select {
	case <-ctx.Done():
	case <-failed:
	}
	s.stopping.Store(true)
	// The handlers end by their own timeouts.
	shutdown, cancel := context.WithTimeout(context.Background(), 2*s.limits.timeout)
	defer cancel()
	err := web.Shutdown(shutdown)
	close(s.stop)
	return errors.Join(err, group.Wait())
}
