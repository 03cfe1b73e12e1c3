package explorer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/finetuning"
	"fovea/head"
	"fovea/recipe"
	"fovea/vectors"
)

// refitter fits a head again and again as labels change, and tests it by cross-validation.
type refitter struct {
	server *Server
	wake   chan struct{}

	mutex sync.Mutex
	// of is the vectors that what follows is of; stop ends the work on it.
	of   *vectorData
	stop context.CancelFunc
	// prepared is what does not depend on labels, of so many labelled rows; x are the vectors it is of, averaged over
	// their positions, and pairs the near copies among them.
	prepared *head.Refit
	labelled int
	x        head.Matrix
	pairs    []vectors.Pair
	// last is the result for the labels of the moment, or nearly, and measured its accuracy, nil if there is none.
	last     *fitted
	measured *accuracy
	failed   error
}

// fitted is what was found for some labels.
type fitted struct {
	*head.Refitted
	// classes are the numbers in table.classes of those that the head knows.
	classes []int32
	suspect []float32
}

// accuracy is what /api/dataset and the event "accuracy" say of the head that is fitted again after changes.
type accuracy struct {
	Value   float64 `json:"value"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	N       int     `json:"n"`
	Seconds float64 `json:"seconds"`
}

// Rows up to which near copies are kept in one fold, and up to which neighbours vote on labels: both compare every
// row with every other one.
const (
	nearRows      = 50_000
	neighbourRows = 20_000
)

func newRefitter(s *Server) *refitter { return &refitter{server: s, wake: make(chan struct{}, 1)} }

// poke says that labels have changed.
func (r *refitter) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// accuracy is the last that was measured.
func (r *refitter) accuracy() *accuracy {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.measured
}

// drop forgets what is of vectors that are no longer shown.
func (r *refitter) drop() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.stop != nil {
		r.stop()
	}
	r.of, r.prepared, r.x, r.pairs, r.last, r.measured, r.failed = nil, nil, head.Matrix{}, nil, nil, nil, nil
}

// stale is how old a result may be while newer labels make an end of every fit: keys may be pressed faster than a large
// dataset is fitted.
const stale = 2 * time.Second

// run fits until ctx ends, at first and after each poke. A fit of labels that are no longer the newest is given up.
func (r *refitter) run(ctx context.Context) {
	r.poke()
	fresh := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		of, stop := context.WithCancel(ctx)
		r.mutex.Lock()
		r.stop = stop
		r.mutex.Unlock()
		if !r.prepare(of) {
			stop()
			continue
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.fit(of)
		}()
		select {
		case <-done:
			fresh = time.Now()
		case <-r.wake:
			r.poke()
			if time.Since(fresh) < stale {
				stop()
			}
			<-done
			if of.Err() == nil {
				fresh = time.Now()
			}
		}
		stop()
	}
}

// labelled counts labels.
func labelled(label []int32) (n int) {
	for _, at := range label {
		if at >= 0 {
			n++
		}
	}
	return n
}

// prepare makes what does not depend on labels, unless it is there. When there are twice as many labels as it was made
// with, it is made anew, since they choose the strength of the regularization.
func (r *refitter) prepare(ctx context.Context) bool {
	t := r.server.shown.Load()
	label := r.server.labels.column(t)
	n := labelled(label)
	r.mutex.Lock()
	ready := r.of == t.data && (r.failed != nil || r.prepared != nil && n < 2*max(r.labelled, 10))
	failed := r.failed
	r.mutex.Unlock()
	if ready {
		return failed == nil
	}
	floats, err := t.vectors(ctx)
	var x head.Matrix
	var groups finetuning.Duplicates
	var prepared *head.Refit
	if err == nil {
		x = averaged(t, floats)
		prepared, groups, err = r.build(ctx, t, x, label)
	}
	if ctx.Err() != nil {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.server.shown.Load().data != t.data {
		r.poke()
		return false
	}
	r.of, r.prepared, r.labelled, r.x, r.pairs, r.failed = t.data, prepared, n, x, groups.Pairs, err
	if err != nil {
		logrus.Warnf("labels are not checked by cross-validation: %v", err)
	}
	return err == nil
}

// averaged are the vectors, averaged over positions where the layer has some: so they are few enough, and a mirror image is
// like the image.
func averaged(t *table, floats []float32) head.Matrix {
	channels, size := t.layer.Channels(), t.layer.Size()
	if channels == size {
		return head.Matrix{Rows: t.rows(), Cols: size, Data: floats}
	}
	x := head.Matrix{Rows: t.rows(), Cols: channels, Data: make([]float32, 0, t.rows()*channels)}
	for i := range t.rows() {
		x.Data = vectors.AppendAverage(x.Data, floats[i*size:(i+1)*size], channels)
	}
	return x
}

// build groups copies as finetune train does, and prepares to fit.
func (r *refitter) build(ctx context.Context, t *table, x head.Matrix, label []int32) (*head.Refit, finetuning.Duplicates, error) {
	names, splits := make([]string, len(label)), make([]string, len(label))
	for i, at := range label {
		names[i] = t.classes.name(at)
	}
	o := finetuning.TrainOptions{NearDuplicates: finetuning.UsualNear}
	if t.rows() > nearRows {
		o.NearDuplicates = 0
	}
	features := finetuning.Features{Recipe: t.dataset.Recipe(), Layers: []recipe.Layer{t.layer}, X: x, Labels: names, Splits: splits, Hashes: t.sha256, Paths: t.paths, Groups: t.groups}
	groups, err := o.Group(ctx, features)
	if err != nil {
		return nil, groups, err
	}
	options := head.RefitOptions{Seed: r.server.options.Seed, Groups: groups.Together, Labels: names}
	if t.rows() > neighbourRows {
		options.Neighbours = -1
	}
	prepared, err := head.NewRefit(ctx, x, options)
	if errors.Is(err, head.ErrCopies) {
		err = errors.New("the rows are copies or near copies of each other")
	}
	return prepared, groups, err
}
