package finetuning

import (
	"context"
	"fmt"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/head"
)

// PredictOptions say what is predicted by which head.
type PredictOptions struct {
	Head   *head.Head
	Source Source
	// Row is called for each image, in the order of the dataset, with probabilities in the order of the head's classes
	// and the novelty, nil for a head that cannot tell.
	Row func(path string, probabilities []float64, novelty *float64) error
	// Progress, if set, is called now and then with the number of images done, of all.
	Progress func(done, of int)
}

// Predict applies a head to all rows of a dataset, with or without labels. It keeps only some of the rows in memory.
// Features made differently from those the head was trained on are head.ErrMismatch.
func Predict(ctx context.Context, o PredictOptions) error {
	local, done, err := o.Source.Fetch(ctx)
	if err != nil {
		return err
	}
	defer done()
	return remote.Located(o.predict(ctx, local), local.Dir, o.Source.Dir)
}

func (o *PredictOptions) predict(ctx context.Context, local Source) error {
	dataset, err := local.open()
	if err != nil {
		return err
	}
	if err := checkRecipe(o.Head, dataset.Recipe()); err != nil {
		return err
	}
	switch unfinished := dataset.Unfinished(); {
	case dataset.Rows() == 0:
		return fmt.Errorf("%s has %w", local.Dir, featurestore.ErrEmpty)
	case unfinished != "":
		logrus.Warn(unfinished)
	}
	p := predicting{options: o, dir: local.Dir, of: dataset.Rows(), block: blockOf(o.Head)}
	p.reset()
	err = dataset.Scan(ctx, featurestore.ScanOptions{Layers: o.Head.LayerNames()}, func(b *featurestore.Batch) error {
		if err := p.add(b); err != nil || len(p.waiting.Paths) < p.block {
			return err
		}
		return p.flush(ctx)
	})
	if err != nil {
		return err
	}
	return p.flush(ctx)
}

// blockOf is the number of rows that are classified together: as many as take some ten megabytes, but at least some, since
// the head's weights are laid out anew for each block.
func blockOf(h *head.Head) int {
	const values = 4 << 20
	return min(8192, max(256, values/(h.Columns()+2*len(h.Classes))))
}

// predicting collects rows until there are enough to classify.
type predicting struct {
	options         *PredictOptions
	dir             string
	waiting         Features
	done, of, block int
}

func (p *predicting) reset() {
	h := p.options.Head
	p.waiting.Layers, p.waiting.Paths = h.Layers, p.waiting.Paths[:0]
	p.waiting.X = head.Matrix{Cols: h.Columns(), Data: p.waiting.X.Data[:0]}
}

// add copies the rows of a batch.
func (p *predicting) add(b *featurestore.Batch) error {
	x, err := p.options.Head.Join(b.Vectors, len(b.Rows))
	if err != nil {
		return err
	}
	p.waiting.X.Data = append(p.waiting.X.Data, x.Data...)
	for _, row := range b.Rows {
		p.waiting.Paths = append(p.waiting.Paths, row.Path)
	}
	p.waiting.X.Rows = len(p.waiting.Paths)
	return nil
}

// flush classifies what is waiting.
func (p *predicting) flush(ctx context.Context) error {
	if p.waiting.X.Rows == 0 {
		return nil
	}
	if err := p.waiting.checkFinite(p.dir); err != nil {
		return err
	}
	probabilities, err := p.waiting.probabilities(p.options.Head)
	if err != nil {
		return err
	}
	novelties, err := p.options.Head.Novelties(p.waiting.X)
	if err != nil {
		return err
	}
	for i, path := range p.waiting.Paths {
		if i%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var novelty *float64
		if novelties != nil {
			novelty = &novelties[i]
		}
		if err := p.options.Row(path, probabilities[i], novelty); err != nil {
			return err
		}
	}
	p.done += len(p.waiting.Paths)
	if p.options.Progress != nil {
		p.options.Progress(p.done, p.of)
	}
	p.reset()
	return nil
}
