package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

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

// epoch runs what is left of the epoch that the state is in.
func (f *fit) epoch() error {
	number := f.state.Epoch + 1
	cut, err := f.steps(number)
	if err != nil {
		return err
	}
	f.ended = f.overBudget()
	if f.state.Batches == 0 {
		return nil
	}
	e := Epoch{
		Epoch: number, Step: f.trainer.step, Loss: f.state.Partial.MeanLoss(), Accuracy: f.state.Partial.Accuracy(),
		Seconds: f.state.PartialSeconds, Elapsed: f.elapsed, Cut: cut,
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
	if f.options.Progress != nil {
		f.options.Progress(e)
	}
	if f.options.Checkpoint != nil {
		return f.options.Checkpoint(f.state)
	}
	return nil
}

// steps trains on what is left of the epoch's batches. The budget may cut it short.
func (f *fit) steps(epoch int) (cut bool, err error) {
	o := f.options
	rows := f.train.order(o.Seed, epoch)
	of := (len(rows) + o.Batch - 1) / o.Batch
	for f.state.Batches < of && !f.overBudget() {
		from := f.state.Batches * o.Batch
		if err := f.step(rows[from:min(from+o.Batch, len(rows))], epoch); err != nil {
			return false, err
		}
		if o.Batches != nil {
			o.Batches(epoch, f.state.Batches, of, f.state.Partial)
		}
		if f.ctx.Err() != nil {
			if err := f.checkpoint(); err != nil {
				return false, err
			}
			return false, context.Cause(f.ctx)
		}
	}
	return f.state.Batches < of, nil
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
