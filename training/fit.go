package training

import (
	"context"
	"encoding/json"
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

// Epoch is the result of one pass over the examples.
type Epoch struct {
	Epoch int `json:"epoch"`
	// Step is the number of steps since the beginning.
	Step int64 `json:"step"`
	// Loss and Accuracy are means over the epoch's examples, each measured before its step and
	// with dropout, as Keras reports them.
	Loss     float64 `json:"loss"`
	Accuracy float64 `json:"accuracy"`
	// ValidationLoss and ValidationAccuracy are measured after the epoch, without dropout; nil
	// without validation examples.
	ValidationLoss     *float64 `json:"val_loss"`
	ValidationAccuracy *float64 `json:"val_accuracy"`
	// Seconds is the time of the epoch's steps, Elapsed that of all steps so far, in seconds.
	Seconds float64 `json:"seconds"`
	Elapsed float64 `json:"elapsed_seconds"`
	// Cut says that the budget ended in the middle of the epoch.
	Cut bool `json:"cut,omitempty"`
}

// UnmarshalJSON also reads the epochs in checkpoints of versions before 0.2, which called Elapsed
// "elapsed".
func (e *Epoch) UnmarshalJSON(data []byte) error {
	type epoch Epoch // without this method
	former := struct {
		*epoch
		Elapsed float64 `json:"elapsed"`
	}{epoch: (*epoch)(e)}
	if err := json.Unmarshal(data, &former); err != nil {
		return err
	}
	if e.Elapsed == 0 {
		e.Elapsed = former.Elapsed
	}
	return nil
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

// epoch runs what is left of the epoch that the state is in.
func (f *fit) epoch() error {
	o := f.options
	number := f.state.Epoch + 1
	rows := f.train.order(o.Seed, number)
	of := (len(rows) + o.Batch - 1) / o.Batch
	for f.state.Batches < of && !f.overBudget() {
		from := f.state.Batches * o.Batch
		if err := f.step(rows[from:min(from+o.Batch, len(rows))], number); err != nil {
			return err
		}
		if o.Batches != nil {
			o.Batches(number, f.state.Batches, of, f.state.Partial)
		}
		if f.ctx.Err() != nil {
			if err := f.checkpoint(); err != nil {
				return err
			}
			return context.Cause(f.ctx)
		}
	}
	f.ended = f.overBudget()
	if f.state.Batches == 0 {
		return nil
	}
	e := Epoch{
		Epoch: number, Step: f.trainer.step, Loss: f.state.Partial.MeanLoss(), Accuracy: f.state.Partial.Accuracy(),
		Seconds: f.state.PartialSeconds, Elapsed: f.elapsed, Cut: f.state.Batches < of,
	}
	if err := f.measure(&e); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	f.state.Epoch, f.state.Batches, f.state.Partial, f.state.PartialSeconds = number, 0, Measure{}, 0
	f.state.Step = f.trainer.step
	f.state.History = append(f.state.History, e)
	if err := f.keepBest(e); err != nil {
		return err
	}
	if o.Progress != nil {
		o.Progress(e)
	}
	if o.Checkpoint != nil {
		return o.Checkpoint(f.state)
	}
	return nil
}

// checkpoint writes one in the middle of an epoch, if checkpoints are wanted and the weights are finite.
func (f *fit) checkpoint() error {
	if f.options.Checkpoint == nil {
		return nil
	}
	if err := f.check(); err != nil {
		return err
	}
	return f.options.Checkpoint(f.state)
}

// check returns ErrDiverged if the last step made weights that are not finite, or that overflow in
// use. It tries one example only, which is quick even where a batch is not. The step's own loss says
// nothing about that, because it is measured before the step.
func (f *fit) check() error {
	if err := f.trainer.Check(); err != nil {
		return err
	}
	if len(f.batch.labels) == 0 { // no step yet since the training was resumed
		return nil
	}
	m, err := f.trainer.Evaluate(f.batch.values[:f.train.Values], f.batch.labels[:1])
	if err == nil && !m.Finite() {
		err = fmt.Errorf("training: %w: the loss is %v after step %d: use a learning rate below %g", ErrDiverged, m.MeanLoss(), f.trainer.step, f.trainer.options.LearningRate)
	}
	return err
}

func (f *fit) overBudget() bool {
	return f.options.Budget > 0 && f.elapsed >= f.options.Budget.Seconds()
}

func (f *fit) step(rows []int, epoch int) error {
	start := time.Now()
	if err := f.train.load(&f.batch, rows, f.options.Seed, epoch); err != nil {
		return err
	}
	m, err := f.trainer.Step(f.batch.values, f.batch.labels)
	if err != nil {
		return err
	}
	f.state.Partial.Add(m)
	f.state.Batches++
	took := time.Since(start).Seconds()
	f.state.PartialSeconds += took
	f.elapsed += took
	return nil
}

// evaluationBatch is the number of examples measured at a time.
const evaluationBatch = 16

func (f *fit) measure(e *Epoch) error {
	if f.validation == nil {
		return nil
	}
	m, err := Evaluate(f.ctx, f.trainer, f.validation)
	if err != nil {
		// An epoch without its validation is not complete: the checkpoint is of its last batch.
		if f.ctx.Err() != nil {
			err = errors.Join(f.checkpoint(), err)
		}
		return err
	}
	if !m.Finite() {
		return fmt.Errorf("training: %w: the validation loss is %v: use a learning rate below %g", ErrDiverged, m.MeanLoss(), f.trainer.options.LearningRate)
	}
	loss, accuracy := m.MeanLoss(), m.Accuracy()
	e.ValidationLoss, e.ValidationAccuracy = &loss, &accuracy
	return nil
}

// Evaluate measures examples without dropout.
func Evaluate(ctx context.Context, t *Trainer, examples *Examples) (Measure, error) {
	var sum Measure
	err := examples.Each(evaluationBatch, func(_ []int, values []float32, labels []int32) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := t.Evaluate(values, labels)
		sum.Add(m)
		return err
	})
	return sum, err
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
