package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/head"
	"fovea/internal/text"
	"fovea/internal/web"
	"fovea/serving"
)

type serveOptions struct {
	predictor predictorFlags
	decision  decisionFlags
	listen    string
	limits    serving.ServerOptions
	web       web.Options
	features  string
	pixels    int
	decoding  time.Duration
}

const serveLong = `Serve loads the head's model once and answers over HTTP until it is interrupted:

  GET  /              a page to drop photos on
  POST /predict       images in, labels and probabilities as JSON out (?top=K)
  POST /embed         images in, features out, as JSON or as an Arrow stream (?layer=NAME)
  POST /similar       images in, the most similar rows of --features out (?k=N&layer=NAME)
  GET  /openapi.json  all of it in OpenAPI
  GET  /healthz       200 while images can be predicted
  GET  /metrics       for Prometheus

It also speaks TensorFlow Serving's REST (/v1/models/NAME:predict) and the Open Inference Protocol
(/v2/models/NAME/infer).

A request has the bytes of an image, a form (multipart/form-data) with several files, or JSON:
{"instances": [{"b64": "..."}]}. Images that arrive at the same time are computed together. An image
that cannot be read is answered with status 422, one that takes too many bytes with 413, one that is
sent too slowly with 408, one too many at a time with 503 (and Retry-After), and one that takes too
long with 504; the answer is a JSON object with the error.

On interruption, serve refuses new images and answers those in progress.

Everybody who reaches the port may use it, unencrypted, unless --token-file and --tls-cert say
otherwise. New tokens and certificates are taken from their files while the server runs.`

func newServe() *cobra.Command {
	var o serveOptions
	command := &cobra.Command{
		Use:   "serve --head HEAD [flags]",
		Short: "Serve predictions over HTTP",
		Long:  serveLong,
		Example: `  finetune serve --head cats-vs-dogs.head --listen localhost:8080
  curl --data-binary @photo.jpg http://localhost:8080/predict
  finetune serve --head cats-vs-dogs.head --listen :8443 --tls-cert cert.pem --tls-key key.pem --token-file tokens`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	o.predictor.addHead(f)
	f.StringVar(&o.listen, "listen", "localhost:8080", "listen on `HOST:PORT`; PORT 0 is any free one")
	cli.SizeVar(f, &o.limits.MaxBytes, "max-bytes", serving.DefaultMaxBytes, "the largest image file, a `SIZE`; "+cli.SizeHelp)
	f.DurationVar(&o.limits.Timeout, "timeout", serving.DefaultTimeout, "longest `TIME` from a request to its answer")
	f.IntVar(&o.limits.Requests, "max-requests", serving.DefaultRequests, "answer up to `N` requests at a time and refuse more")
	cli.SizeVar(f, &o.limits.Memory, "memory", 0, "`SIZE` of memory for all images: their files, and pictures being decoded (default: by --max-pixels)")
	cli.DecodingVars(f, &o.pixels, &o.decoding, 40_000_000)
	f.StringVar(&o.limits.Name, "name", "", "`NAME` of the head in /v1/models and /v2/models (default: the file's)")
	f.StringVar(&o.features, "features", "", "find similar images, for /similar, in the dataset in the directory `DIR`, or at its URL")
	o.addWeb(f)
	o.decision.add(f)
	o.predictor.addModel(f)
	return command
}

func (o *serveOptions) addWeb(f *pflag.FlagSet) {
	cli.PathVar(f, &o.web.TokenFile, "token-file", "", "answer only requests with a token (Authorization: Bearer TOKEN) from `FILE`, which has one per line; /healthz and /v2/health need none")
	cli.PathVar(f, &o.web.Certificate, "tls-cert", "", "serve HTTPS with the certificates in the PEM `FILE`, the server's own first")
	cli.PathVar(f, &o.web.Key, "tls-key", "", "the private key of the certificate, a PEM `FILE`")
	f.StringArrayVar(&o.web.Origins, "cors", nil, "let web pages of `ORIGIN`, such as https://example.com, call the server; * for all (may be repeated)")
	f.BoolVar(&o.web.AccessLog, "access-log", false, "log each request: who, what, status, bytes and time")
}

func (o *serveOptions) validate() error {
	if err := o.predictor.validate(); err != nil {
		return err
	}
	if err := o.decision.validate(); err != nil {
		return err
	}
	switch {
	case o.limits.Requests < 1:
		return cli.Usagef("--max-requests %d: give a positive number", o.limits.Requests)
	case o.limits.Timeout <= 0:
		return cli.Usagef("--timeout %s: give a positive time, such as 30s", o.limits.Timeout)
	case !cli.IsAddress(o.listen):
		return cli.Usagef("--listen %q: give HOST:PORT, as localhost:8080", o.listen)
	}
	return cli.UsageWhen(o.limits.Validate(o.pixels), serving.ErrMemory, serving.ErrName)
}

func (o *serveOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	site, err := o.web.Open()
	if err != nil {
		return cli.UsageWhen(err, web.ErrOptions)
	}
	h, err := loadOneSize(ctx, o.predictor.head)
	if err != nil {
		return err
	}
	if err := o.decision.suits(h); err != nil {
		return err
	}
	predictor, err := o.predictor.open(h, serving.Options{AnyBatch: true, MaxPixels: o.pixels, MaxTime: o.decoding})
	if err != nil {
		return err
	}
	defer predictor.Close() // the process exits anyway
	o.limits.Decision, o.limits.Site = o.decision.Decision, site
	o.limits.Name, o.limits.Version = cmp.Or(o.limits.Name, serving.NameOf(o.predictor.head)), cli.Version()
	if o.features != "" {
		if o.limits.Neighbors, err = predictor.OpenNeighbors(ctx, o.features, cli.MaxMemory(ctx)); err != nil {
			return fmt.Errorf("--features: %w", err)
		}
		defer o.limits.Neighbors.Close()
	}
	server, err := serving.NewServer(predictor, o.limits)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("cannot listen; --listen chooses another address: %w", err)
	}
	logrus.Infof("predicting %s on %s://%s/predict%s", text.Some(h.Classes), site.Scheme(), listener.Addr(), site.Terms(listener.Addr()))
	return server.Serve(ctx, listener)
}

// loadOneSize loads a head that can be served and exported.
func loadOneSize(ctx context.Context, file string) (*head.Head, error) {
	h, err := head.ReadOptions{MaxMemory: cli.MaxMemory(ctx)}.Load(file)
	if err != nil {
		return nil, err
	}
	if err := serving.OneSize(h); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return h, nil
}
