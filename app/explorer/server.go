package explorer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fovea/serving"
)

// Options say which dataset is shown and what stands beside it. Only Dir must be set.
type Options struct {
	// Dir is the dataset's directory.
	Dir string
	// Images is the directory that the dataset was extracted from, or an archive or a table of images; "" shows points
	// without pictures.
	Images string
	// Head is the file of a head whose predictions are shown; "" for none.
	Head string
	// Layer is the layer whose vectors are shown, "" for the dataset's first.
	Layer string
	// Host is a name, besides localhost and addresses, by which browsers may call the server.
	Host string
	// Browser says that Serve opens the page in the person's browser.
	Browser bool
	// Seed determines the map and the folds of cross-validation.
	Seed uint64
	// Model says how the model of the dataset, or that of the head, is opened for an image that is dropped on
	// the page.
	Model serving.Options
	// MaxMemory is how many bytes of memory reading one of the files may take; see featurestore.ReadOptions.
	MaxMemory int64
}

// Server shows one dataset to a person's browser. A Server serves once.
type Server struct {
	options Options
	// token is what a request must know, 32 hex digits.
	token  string
	events *hub
	maps   *mapSet
	// shown is the edition of the dataset that pages see.
	shown atomic.Pointer[table]
	// turning is held while shown is replaced, and while the dataset is written to; it guards troubled, the last error of
	// reading the dataset anew.
	turning  sync.Mutex
	troubled error
	// turned tells that other vectors are shown.
	turned  chan struct{}
	cache   mapCache
	labels  *labels
	placing placer
	scores  *scores
	files   *pictures
}

// New opens the dataset and reads its rows, without their vectors. Serve must be called afterwards.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{options: o, events: newHub(), turned: make(chan struct{}, 1)}
	var token [16]byte
	_, _ = rand.Read(token[:]) // never fails
	s.token = hex.EncodeToString(token[:])
	t, err := openTable(ctx, o)
	if err != nil {
		return nil, err
	}
	s.shown.Store(t)
	state, err := stateDir(o.Dir)
	if err != nil {
		return nil, err
	}
	s.cache = mapCache{dir: state, seed: o.Seed}
	s.maps = newMaps(s)
	if s.scores, err = newScores(s, o.Head, t); err != nil {
		return nil, err
	}
	if s.files, err = newPictures(o); err != nil {
		return nil, err
	}
	if s.labels, err = newLabels(s); err != nil {
		return nil, err
	}
	return s, nil
}

// URL is the address to open in a browser, with the token.
func (s *Server) URL(listener net.Listener) string {
	return fmt.Sprintf("http://%s/?token=%s", reachable(listener.Addr()), s.token)
}

// Serve answers on a listener until ctx ends, computes maps and predictions meanwhile, and finishes what is being
// written. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	web := &http.Server{
		Handler:           s.handler(listener.Addr()),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 15,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // streams of events end with it
	}
	var group errgroup.Group
	group.Go(func() error {
		defer stop()
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("explorer: %w", err)
		}
		return nil
	})
	warnOpen(listener.Addr())
	for _, work := range []func(context.Context){s.compute, s.watch, s.labels.run, func(ctx context.Context) { s.browse(ctx, listener) }} {
		group.Go(func() error { work(ctx); return nil })
	}
	<-ctx.Done()
	shutdown, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := web.Shutdown(shutdown)
	if err != nil {
		_ = web.Close() // whoever still reads or writes is cut off
	}
	err = errors.Join(err, group.Wait(), s.labels.close(), s.placing.close())
	if err == nil { // nobody reads the vectors any more
		s.shown.Load().data.free()
		s.files.close()
	}
	return err
}

// browse opens the page in the person's browser, if that is wanted.
func (s *Server) browse(ctx context.Context, listener net.Listener) {
	if s.options.Browser {
		openBrowser(ctx, s.URL(listener))
	}
}

// shutdownTime is how long answers under way may take once the server is told to stop.
const shutdownTime = 5 * time.Second
