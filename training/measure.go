package training

import (
	"errors"
	"math"
)

// Measure is the loss and the accuracy of one batch or many.
type Measure struct {
	Examples int `json:"examples"`
	// Loss is the sum of the examples' cross-entropies, in nats.
	Loss float64 `json:"loss_sum"`
	// Correct is the number of examples whose class has the highest logit.
	Correct int `json:"correct"`
}

// Add adds another measure.
func (m *Measure) Add(other Measure) {
	m.Examples += other.Examples
	m.Loss += other.Loss
	m.Correct += other.Correct
}

// MeanLoss is the mean cross-entropy of the examples, NaN without any.
func (m Measure) MeanLoss() float64 { return m.Loss / float64(m.Examples) }

// Accuracy is the share of the examples that are correct, 0 to 1; NaN without any.
func (m Measure) Accuracy() float64 { return float64(m.Correct) / float64(m.Examples) }

// Finite says whether the loss is finite.
func (m Measure) Finite() bool { return !math.IsNaN(m.Loss) && !math.IsInf(m.Loss, 0) }

// ErrDiverged means that a loss or weights are no longer finite.
var ErrDiverged = errors.New("the training has diverged")
