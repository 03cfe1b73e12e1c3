package inference

import (
	"errors"
	"strings"
)

// Group computes on several devices: each has its own Extractor, and a batch goes to whichever is
// free. Extract may be called from any number of goroutines.
type Group struct {
	extractors []*Extractor
	free       chan *Extractor
}

// NewGroup joins Extractors of one model, made with the same options.
func NewGroup(extractors ...*Extractor) (*Group, error) {
	if len(extractors) == 0 {
		return nil, errors.New("inference: a group of no extractors")
	}
	g := &Group{extractors: extractors}
	g.free = make(chan *Extractor, g.Parallel())
	for _, e := range extractors {
		for range e.Parallel() {
			g.free <- e
		}
	}
	return g, nil
}

// First is one of the Extractors; all have the same model and layers.
func (g *Group) First() *Extractor { return g.extractors[0] }

// BatchSize is the largest number of images that Extract takes at a time.
func (g *Group) BatchSize() int { return g.extractors[0].BatchSize() }

// Parallel is the number of calls of Extract that are computed at a time.
func (g *Group) Parallel() int {
	sum := 0
	for _, e := range g.extractors {
		sum += e.Parallel()
	}
	return sum
}

// Devices is the number of devices.
func (g *Group) Devices() int { return len(g.extractors) }

// Device names the devices, such as "gpu:0,gpu:1".
func (g *Group) Device() string {
	names := make([]string, len(g.extractors))
	for i, e := range g.extractors {
		names[i] = e.model.Device
	}
	return strings.Join(names, ",")
}

// Project is Extractor.Project for all of them.
func (g *Group) Project(project Project) error {
	for _, e := range g.extractors {
		if err := e.Project(project); err != nil {
			return err
		}
	}
	return nil
}

// Extract is Extractor.Extract on the next free device.
func (g *Group) Extract(pixels []float32, n int) ([][]float32, error) {
	e := <-g.free
	defer func() { g.free <- e }()
	return e.Extract(pixels, n)
}

// ExtractSized is Extractor.ExtractSized on the next free device.
func (g *Group) ExtractSized(pixels []float32, n, height, width int) ([][]float32, error) {
	e := <-g.free
	defer func() { g.free <- e }()
	return e.ExtractSized(pixels, n, height, width)
}

// Close closes the models.
func (g *Group) Close() error {
	var err error
	for _, e := range g.extractors {
		err = errors.Join(err, e.model.Close())
	}
	return err
}
