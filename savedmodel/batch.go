package savedmodel

import (
	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// finish names and orders the layers, and finds out which preprocessing the model needs and how
// many images it takes at a time.
func (l *loader) finish(operations []*tf.Operation, model *inference.Model) error {
	w := l.newInputWay(operations)
	fixed, apart := w.rows()
	if fixed {
		model.MaxBatch = 1
	}
	if l.static && len(l.acting) > 0 {
		return l.takePreprocessing(w, model) // noteRandom says why there are no layers
	}
	if err := l.layers(operations, model); err != nil {
		return err
	}
	if err := l.putChannelsLast(w, model.Layers); err != nil {
		return err
	}
	if l.options.Dense {
		if err := l.averageLayers(model); err != nil {
			return err
		}
	}
	if l.static {
		return l.takePreprocessing(w, model)
	}
	if l.known {
		model.MaxBatch = l.found.MaxBatch
		return l.takePreprocessing(w, model)
	}
	c := &check{loader: l, model: model, together: apart}
	if err := l.repair(c.probe); err != nil {
		return err
	}
	if err := l.takePreprocessing(w, model); err != nil {
		return err
	}
	if !fixed && !apart { // known to be independent where every operation is
		c.limitBatch()
	}
	return l.keep(model)
}

// takePreprocessing takes what the graph implies, unless the user or a note has stated it.
func (l *loader) takePreprocessing(w *inputWay, model *inference.Model) error {
	how, found, unknown, err := l.settle(w)
	if err != nil {
		return err
	}
	model.Normalizes = found
	if model.Preprocessing.IsZero() {
		model.Preprocessing, model.Unstated = how, unknown
	}
	return nil
}
