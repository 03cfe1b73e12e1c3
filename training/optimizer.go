package training

import (
	"fmt"
	"math"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"
)

// Optimizer says how weights follow from gradients.
type Optimizer string

const (
	// SGD is v = momentum v - rate g; w = w + v, like Keras's SGD.
	SGD Optimizer = "sgd"
	// Adam has Keras's constants: beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7.
	Adam Optimizer = "adam"
)

const (
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-7
)

// Options control a Trainer.
type Options struct {
	// Optimizer (default SGD).
	Optimizer Optimizer
	// LearningRate is above 0 and at most 10 (default 0.001 with SGD, 0.0001 with Adam).
	LearningRate float64
	// Momentum is SGD's, from 0 to below 1.
	Momentum float64
	// WeightDecay is the strength of the penalty on kernels (5e-4 in the paper), 0 for none.
	WeightDecay float64
	// Dropout is the share of the outputs of each fully connected layer with a rectifier that a
	// step leaves out, from 0 to below 1.
	Dropout float64
	// Seed decides which outputs dropout leaves out.
	Seed uint64
}

func (o Options) withDefaults() Options {
	if o.Optimizer == "" {
		o.Optimizer = SGD
	}
	if o.LearningRate == 0 {
		o.LearningRate = map[Optimizer]float64{SGD: 1e-3, Adam: 1e-4}[o.Optimizer]
	}
	return o
}

// Validate checks the options.
func (o Options) Validate() error {
	switch {
	case o.Optimizer != "" && o.Optimizer != SGD && o.Optimizer != Adam:
		return fmt.Errorf("training: unknown optimizer %q: use sgd or adam", o.Optimizer)
	case !(o.LearningRate >= 0 && o.LearningRate <= 10):
		return fmt.Errorf("training: the learning rate is %g: use a number above 0, up to 10", o.LearningRate)
	case !(o.Momentum >= 0 && o.Momentum < 1):
		return fmt.Errorf("training: the momentum is %g: use 0 or more, below 1", o.Momentum)
	case o.Momentum > 0 && o.Optimizer == Adam:
		return fmt.Errorf("training: a momentum (%g) is for the optimizer sgd: adam has its own", o.Momentum)
	case !(o.WeightDecay >= 0 && o.WeightDecay <= 1):
		return fmt.Errorf("training: the weight decay is %g: use 0 to 1", o.WeightDecay)
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return fmt.Errorf("training: the dropout is %g: use 0 or more, below 1", o.Dropout)
	}
	return nil
}

// slots are the names of the optimizer's variables for each parameter.
func (o Options) slots() []string {
	switch {
	case o.Optimizer == Adam:
		return []string{"adam_m", "adam_v"}
	case o.Momentum > 0:
		return []string{"velocity"}
	}
	return nil
}

// rates are scalars that each step is fed.
type rates struct{ learning, beta1Power, beta2Power tf.Output }

func newRates(scope *op.Scope) rates {
	scalar := func(name string) tf.Output {
		return op.Placeholder(scope.SubScope(name), tf.Float, op.PlaceholderShape(tf.ScalarShape()))
	}
	return rates{scalar("learning_rate"), scalar("beta1_power"), scalar("beta2_power")}
}

// feed returns the values of the rates at a step, counted from 1.
func (r rates) feed(o Options, step int64) (map[tf.Output]*tf.Tensor, error) {
	feeds := map[tf.Output]*tf.Tensor{}
	set := func(to tf.Output, value float64) error {
		t, err := tf.NewTensor(float32(value))
		feeds[to] = t
		return err
	}
	if err := set(r.learning, o.LearningRate); err != nil {
		return nil, err
	}
	if o.Optimizer == Adam {
		if err := set(r.beta1Power, math.Pow(adamBeta1, float64(step))); err != nil {
			return nil, err
		}
		return feeds, set(r.beta2Power, math.Pow(adamBeta2, float64(step)))
	}
	return feeds, nil
}

// apply adds the operation that updates a variable by its gradient.
func (o Options) apply(scope *op.Scope, r rates, handle tf.Output, slots []tf.Output, gradient tf.Output) *tf.Operation {
	constant := func(name string, v float32) tf.Output { return op.Const(scope.SubScope(name), v) }
	switch {
	case o.Optimizer == Adam:
		return op.ResourceApplyAdam(scope, handle, slots[0], slots[1], r.beta1Power, r.beta2Power, r.learning,
			constant("beta1", adamBeta1), constant("beta2", adamBeta2), constant("epsilon", adamEpsilon), gradient)
	case o.Momentum > 0:
		return op.ResourceApplyKerasMomentum(scope, handle, slots[0], r.learning, gradient, constant("momentum", float32(o.Momentum)))
	}
	return op.ResourceApplyGradientDescent(scope, handle, r.learning, gradient)
}
