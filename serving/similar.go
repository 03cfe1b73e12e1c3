package serving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/featurestore/remote"
	"fovea/internal/budget"
	"fovea/recipe"
	"fovea/vectors"
)

// Neighbors are the rows of a dataset among which a Server finds those similar to an image.
type Neighbors struct {
	layers    []string // of the head, those that the dataset has
	searchers []*explore.Searcher
	places    []int // of the layers among the head's
	done      func()
}

// OpenNeighbors reads a dataset, in a directory or at a URL, with features in layers of the head, computed as the head's
// are: otherwise it is ErrIncomparable. The vectors stay in memory, up to half of the machine's; what is larger is read
// again for each request. MaxMemory is that of featurestore.ReadOptions. Close it after use.
func (p *Predictor) OpenNeighbors(ctx context.Context, place string, maxMemory int64) (*Neighbors, error) {
	dir, done, err := remote.Fetch(ctx, place)
	if err != nil {
		return nil, err
	}
	n := &Neighbors{done: done}
	d, err := featurestore.ReadOptions{MaxMemory: maxMemory}.Open(dir)
	if err == nil {
		err = n.open(ctx, p, d)
	}
	if err == nil && d.Unfinished() != "" {
		logrus.Warn(d.Unfinished())
	}
	if err != nil {
		done()
		return nil, remote.Located(err, dir, place)
	}
	return n, nil
}

// Close removes what was fetched. No request may follow.
func (n *Neighbors) Close() { n.done() }

func (n *Neighbors) open(ctx context.Context, p *Predictor, d *featurestore.Dataset) error {
	memory := budget.Total() / 2
	for at, layer := range p.head.Layers {
		if _, found := d.Recipe().Layer(layer.Name); !found {
			continue
		}
		if err := p.comparable(d.Recipe(), layer); err != nil {
			return err
		}
		searcher, err := explore.NewSearcher(ctx, d, layer.Name, memory)
		if err != nil {
			return err
		}
		memory -= min(memory, int64(searcher.Rows())*int64(layer.Size())*4)
		n.layers, n.searchers, n.places = append(n.layers, layer.Name), append(n.searchers, searcher), append(n.places, at)
	}
	if len(n.layers) == 0 {
		names := p.head.LayerNames()
		return fmt.Errorf("%w: the dataset has the layers %s, the head %s: extract features with --layers %s", ErrIncomparable,
			strings.Join(d.Recipe().LayerNames(), ", "), strings.Join(names, ", "), strings.Join(names, ","))
	}
	return nil
}

// comparable returns ErrIncomparable if a dataset's features of a layer are not computed as the predictor's. Those of
// tiles may be compared with an image.
func (p *Predictor) comparable(stored recipe.Recipe, layer recipe.Layer) error {
	want, _ := stored.Alone(layer.Name) // the caller has found it
	have, _ := p.features.recipe.Alone(layer.Name)
	for _, d := range want.Compare(have) {
		if !d.Minor && d.Field != recipe.FieldTiles {
			return fmt.Errorf("%w: %s: %s in the dataset, %s in the head: extract features as the head's, or train a head on these", ErrIncomparable, d.Field, d.Have, d.Got)
		}
	}
	a, b := want.Layers[0], have.Layers[0]
	if a.Name != b.Name || !slices.Equal(a.Shape, b.Shape) {
		return fmt.Errorf("%w: layer %s: %s %v in the dataset, %s %v in the head", ErrIncomparable, layer.Name, a.Name, a.Shape, b.Name, b.Shape)
	}
	return nil
}

// Bounds of the number of similar rows.
const (
	usualSimilar = 10
	mostSimilar  = 1000
)

// jsonSimilar is the rows most similar to an image.
type jsonSimilar struct {
	Layer string        `json:"layer"`
	Rows  []explore.Row `json:"rows"`
}

// similar answers with the rows of the dataset that are most similar to each image.
func (s *Server) similar(ctx context.Context, w http.ResponseWriter, r *http.Request) (reply, error) {
	n := s.options.Neighbors
	if n == nil {
		return reply{}, statusError{http.StatusNotFound, "", errors.New("this server has no dataset to look for similar images in: start it with --features DIR")}
	}
	k, err := number(r, "k", usualSimilar, 1, mostSimilar)
	if err != nil {
		return reply{}, err
	}
	at, err := s.layer(r, n.layers)
	if err != nil {
		return reply{}, err
	}
	u, answers, err := s.uploaded(ctx, w, r)
	if err != nil {
		return reply{}, err
	}
	found := n.find(ctx, answers, at, k)
	for i := range answers {
		answers[i].err = s.unsearched(ctx, r, answers[i].err)
	}
	if !u.list {
		return reply{object: jsonSimilar{n.layers[at], found[0]}}, answers[0].err
	}
	type item struct {
		about
		*jsonSimilar
	}
	items := make([]item, len(answers))
	for i, a := range answers {
		items[i].about = s.about(u.files[i], a.err)
		if a.err == nil {
			items[i].jsonSimilar = &jsonSimilar{n.layers[at], found[i]}
		}
	}
	return reply{object: items}, inVain(answers)
}

// find finds the rows similar to the images that were computed, all in one search, and sets the errors of the others.
func (n *Neighbors) find(ctx context.Context, answers []answer, at, k int) [][]explore.Row {
	found := make([][]explore.Row, len(answers))
	var queries [][]float32
	var of []int
	for i, a := range answers {
		if a.err != nil {
			continue
		}
		vector := a.features[n.places[at]]
		if !slices.ContainsFunc(vector, func(v float32) bool { return v != 0 }) {
			answers[i].err = vectors.ErrZero
			continue
		}
		queries, of = append(queries, vector), append(of, i)
	}
	if len(queries) == 0 {
		return found
	}
	rows, err := n.searchers[at].Nearest(ctx, queries, k)
	for j, i := range of {
		if answers[i].err = err; err == nil {
			found[i] = explore.Spelled(rows[j])
		}
	}
	return found
}

// unsearched gives the error of a search its status.
func (s *Server) unsearched(ctx context.Context, r *http.Request, err error) error {
	if errors.Is(err, vectors.ErrZero) {
		return statusError{http.StatusUnprocessableEntity, "", errors.New("all features of the image are zero, which is similar to nothing: send an image with something on it")}
	}
	if err == nil {
		return nil
	}
	return s.failure(ctx, r, err)
}
