package inference

import (
	"errors"
	"strings"
)

// Group computes on several devices: each has an Extractor of its own, and a batch goes to
// whichever is free. Extract may be called from as many goroutines as there are Extractors.
type Group struct {
	extractors []*Extractor
	free       chan *Extractor
}

// NewGroup joins Extractors of one model, made with the same options.
func NewGroup(extractors ...*Extractor) (*Group, error) {
	if len(extractors) == 0 {
		return nil, errors.New("inference: a group of no extractors")
	}
	g := &Group{extractors: extractors, free: make(chan *Extractor, len(extractors))}
	for _, e := range extractors {
		g.free <- e
	}
	return g, nil
}

// First is one of the Extractors, whose model and layers are those of all.
func (g *Group) First() *Extractor { return g.extractors[0] }

// BatchSize is the largest number of pictures that Extract takes at a time.
func (g *Group) BatchSize() int { return g.extractors[0].BatchSize() }

// Parallel is the number of calls of Extract that are computed at a time.
func (g *Group) Parallel() int { return len(g.extractors) }

// Device names the devices, such as "gpu:0,gpu:1".
func (g *Group) Device() string {
	names := make([]string, len(g.extractors))
	for i, e := range g.extractors {
		names[i] = e.model.Device
	}
	return strings.Join(names, ",")
}

// Extract is Extractor.Extract on the next device that is free.
func (g *Group) Extract(pixels []float32, n int) ([][]float32, error) {
	e := <-g.free
	defer func() { g.free <- e }()
	return e.Extract(pixels, n)
}

// Close closes the models.
func (g *Group) Close() error {
	var err error
	for _, e := range g.extractors {
		err = errors.Join(err, e.model.Close())
	}
	return err
}
