package explorer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"fovea/serving"
)

// placer computes the features of images that are dropped on the page. The model is opened for the first one.
type placer struct {
	// failed says that there is no model.
	failed atomic.Bool
	// mutex is held while an image is computed, and guards what follows.
	mutex    sync.Mutex
	features *serving.Featurizer
	// of is the recipe's fingerprint that features were opened for.
	of  string
	err error
}

// possible says whether the model was not found to be missing.
func (p *placer) possible() bool { return !p.failed.Load() }

func (p *placer) close() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.features == nil {
		return nil
	}
	return p.features.Close()
}

// mostDropped bounds the bytes of an image that is dropped.
const mostDropped = 64 << 20

// placement is where an image would lie, and what the head says of it.
type placement struct {
	X             float32            `json:"x"`
	Y             float32            `json:"y"`
	Label         string             `json:"label,omitempty"`
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Novelty       *float64           `json:"novelty"`
	Neighbours    []neighbour        `json:"neighbours"`
}

// postPlace computes the features of an image as the dataset's were, and answers with its nearest rows, the mean of their
// places, and the head's prediction.
func (s *Server) postPlace(w http.ResponseWriter, r *http.Request) {
	t, err := s.edition(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostDropped))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		err = refusal(http.StatusRequestEntityTooLarge, "the image has more than %d MB: scale it down", mostDropped>>20)
	case err == nil && len(data) == 0:
		err = refusal(http.StatusBadRequest, "the image is empty: choose another file")
	}
	var found placement
	if err == nil {
		found, err = s.place(r.Context(), t, data, r.URL.Query().Get("map"))
	}
	if err != nil {
		refuse(w, r, err)
		return
	}
	answer(w, http.StatusOK, found)
}

// placedBy is the number of rows from whose places an image's is made.
const placedBy = 12

// place places an image on a kind of map, "" for the best there is.
func (s *Server) place(ctx context.Context, t *table, data []byte, kind string) (placement, error) {
	points := s.maps.get(t, mapUMAP)
	if kind == mapPCA || kind == "" && points.state != stateReady {
		points = s.maps.get(t, mapPCA)
	}
	if points.state != stateReady {
		return placement{}, refusal(http.StatusConflict, "the map is not ready: wait for the event map")
	}
	vectors, err := s.featuresOf(ctx, t, data)
	if err != nil {
		return placement{}, err
	}
	var found placement
	if found.Neighbours, err = t.nearest(ctx, vectors[t.layer.Name], placedBy); err != nil {
		return placement{}, statusError{http.StatusUnprocessableEntity, err}
	}
	found.X, found.Y = among(found.Neighbours, points.points)
	return found, s.scores.judge(&found, vectors)
}

// among is the mean of the places of neighbours, weighted by how similar they are: that of a copy is the place itself.
func among(neighbours []neighbour, points []float32) (x, y float32) {
	var sum, sumX, sumY float64
	for _, n := range neighbours {
		weight := 1 / (1 - n.Similarity + 1e-6)
		sum += weight
		sumX += weight * float64(points[2*n.Row])
		sumY += weight * float64(points[2*n.Row+1])
	}
	return float32(sumX / sum), float32(sumY / sum)
}

// judge adds what the head that was given says.
func (c *scores) judge(found *placement, vectors map[string][]float32) error {
	if c.head == nil {
		return nil
	}
	var of [][]float32
	for _, name := range c.head.LayerNames() {
		of = append(of, vectors[name])
	}
	x, err := c.head.Join(of, 1)
	if err != nil {
		return err
	}
	probabilities, err := c.head.Probabilities(x)
	if err != nil {
		return err
	}
	novelties, err := c.head.Novelties(x)
	if err != nil {
		return err
	}
	found.Probabilities = map[string]float64{}
	best := math.Inf(-1)
	for i, class := range c.head.Classes {
		found.Probabilities[class] = probabilities[0][i]
		if probabilities[0][i] > best {
			best, found.Label = probabilities[0][i], class
		}
	}
	if novelties != nil {
		found.Novelty = &novelties[0]
	}
	return nil
}

// featuresOf computes the layer that is shown, and those of the head, of one image.
func (s *Server) featuresOf(ctx context.Context, t *table, data []byte) (map[string][]float32, error) {
	layers := []string{t.layer.Name}
	if h := s.scores.head; h != nil {
		for _, name := range h.LayerNames() {
			if !slices.Contains(layers, name) {
				layers = append(layers, name)
			}
		}
	}
	dir, err := os.MkdirTemp("", "fovea-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // of a file that is not needed
	file := filepath.Join(dir, "image")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	vectors, err := s.placing.compute(ctx, t, layers, file, s.options)
	switch {
	case errors.Is(err, errNoModel):
		return nil, statusError{http.StatusNotImplemented, err}
	case err != nil:
		return nil, refusal(http.StatusUnprocessableEntity, "%s", strings.ReplaceAll(err.Error(), file, "the image"))
	}
	all := map[string][]float32{}
	for i, name := range layers {
		all[name] = vectors[i]
	}
	return all, nil
}

// errNoModel says that no image can be placed.
var errNoModel = errors.New("images cannot be placed")

// compute computes layers of an image, one image at a time.
func (p *placer) compute(ctx context.Context, t *table, layers []string, file string, o Options) ([][]float32, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.of != t.dataset.Recipe().Fingerprint() {
		p.open(t, layers, o)
	}
	if p.err != nil {
		return nil, fmt.Errorf("%w: %w", errNoModel, p.err)
	}
	return p.features.File(ctx, file)
}

// open opens the models of the layers.
func (p *placer) open(t *table, layers []string, o Options) {
	if p.features != nil {
		_ = p.features.Close() // of a dataset that is no longer shown
	}
	made, model := t.dataset.Recipe(), o.Model
	model.Batch, model.Beside = 1, filepath.Dir(filepath.Clean(o.Dir))
	if o.Head != "" {
		model.Dir = filepath.Dir(o.Head)
	}
	p.of = made.Fingerprint()
	if p.features, p.err = serving.OpenFeaturizer(made, layers, model); p.err == nil {
		p.err = p.features.Comparable()
	}
	p.failed.Store(p.err != nil)
}
