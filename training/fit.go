package training

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fovea/vgg/weights"
)

// DefaultBatch is the number of examples of a step, as in Keras's examples of small data.
const DefaultBatch = 8

// FitOptions control Fit.
type FitOptions struct {
	// Epochs is the number of passes over the examples.
	Epochs int
	// Batch is the number of examples of a step (default DefaultBatch). The last batch of an
	// epoch may be smaller.
	Batch int
	// Seed decides the order of the examples.
	Seed uint64
	// Budget, if set, ends the training after that much time. Measuring validation examples does
	// not count.
	Budget time.Duration
	// Patience, if set, ends the training after that many epochs without a smaller validation
	// loss (early stopping), and restores the weights of the best epoch. Checkpoints do not hold
	// those, so Patience and Checkpoint are mutually exclusive.
	Patience int
	// Checkpoint, if set, is called after each epoch and when the context is cancelled.
	Checkpoint func(State) error
	// Progress, if set, is called after each epoch.
	Progress func(Epoch)
	// Batches, if set, is called after each batch: done of the epoch's batches are finished, and m is
	// their measure.
	Batches func(epoch, done, of int, m Measure)
}

// Result is how a training ended.
type Result struct {
	State State
	// Best is the epoch whose weights the network has now, counted from 1; 0 for none.
	Best int
}

// Fit trains on the examples, starting from a state (the zero State for a new training), and
// measures the validation examples, which may be nil, after each epoch.
//
// A cancelled context ends it after the current batch, with a checkpoint; the error is then the
// context's cause.
//
// A loss or a weight that is not finite ends it at once with ErrDiverged; the error names the epoch.
// Such weights are not written to a checkpoint: the one before stays. With Patience, the network
// gets back the weights of the best epoch, if there was one; the Result names it.
func Fit(ctx context.Context, t *Trainer, train, validation *Examples, o FitOptions, from State) (Result, error) {
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	f := &fit{ctx: ctx, trainer: t, train: train, validation: validation, options: o, state: from}
	if err := f.validate(); err != nil {
		return Result{}, err
	}
	f.elapsed = f.state.PartialSeconds
	if n := len(from.History); n > 0 {
		f.elapsed += from.History[n-1].Elapsed
		f.best.epoch = n
	}
	for f.state.Epoch < o.Epochs && !f.ended {
		if err := f.epoch(); errors.Is(err, ErrDiverged) {
			return f.diverged(err)
		} else if err != nil {
			return Result{State: f.state}, err
		}
	}
	if f.best.epoch < f.state.Epoch {
		if err := f.restoreBest(); err != nil {
			return Result{}, err
		}
	}
	return Result{State: f.state, Best: f.best.epoch}, nil
}

// restoreBest gives the network the weights of the best epoch, if they were kept.
func (f *fit) restoreBest() error {
	if f.best.set.Tensors == nil {
		return nil
	}
	step := f.trainer.step
	if err := f.trainer.Assign(f.best.set); err != nil {
		return err
	}
	f.trainer.step = step
	return nil
}

// diverged ends a training whose epoch failed with ErrDiverged.
func (f *fit) diverged(err error) (Result, error) {
	result := Result{State: f.state}
	err = fmt.Errorf("epoch %d: %w", f.state.Epoch+1, err)
	if f.best.set.Tensors != nil {
		result.Best = f.best.epoch
		err = errors.Join(err, f.restoreBest())
	}
	return result, err
}

// fit is a training in progress.
type fit struct {
	ctx               context.Context
	trainer           *Trainer
	train, validation *Examples
	options           FitOptions
	state             State
	// elapsed is the time of all steps, in seconds.
	elapsed float64
	ended   bool
	batch   batch
	best    struct {
		epoch int
		set   weights.Set
	}
}

func (f *fit) validate() error {
	o := f.options
	switch {
	case o.Batch < 1 || o.Epochs < 0 || o.Patience < 0 || o.Budget < 0:
		return fmt.Errorf("training: %d epochs, batches of %d, a patience of %d, a budget of %s: use positive numbers", o.Epochs, o.Batch, o.Patience, o.Budget)
	case o.Patience > 0 && o.Checkpoint != nil:
		return errors.New("training: patience needs the best epoch's weights, which checkpoints do not hold: use either")
	case o.Patience > 0 && f.validation == nil:
		return errors.New("training: patience needs validation examples")
	}
	if f.validation != nil {
		if err := f.validation.validate(f.trainer); err != nil {
			return fmt.Errorf("validation: %w", err)
		}
	}
	return f.train.validate(f.trainer)
}

// keepBest remembers the weights of the best epoch, and ends the training when Patience epochs have
// been no better.
func (f *fit) keepBest(e Epoch) error {
	if f.options.Patience == 0 {
		f.best.epoch = e.Epoch
		return nil
	}
	better := !slices.ContainsFunc(f.state.History[:len(f.state.History)-1], func(o Epoch) bool { return *o.ValidationLoss <= *e.ValidationLoss })
	if better {
		set, err := f.trainer.Weights()
		if err != nil {
			return err
		}
		f.best.epoch, f.best.set = e.Epoch, set
		return nil
	}
	f.ended = f.ended || e.Epoch-f.best.epoch >= f.options.Patience
	return nil
}
