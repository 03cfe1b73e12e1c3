package convolution

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"
)

// ErrSlower says that a model is left as it is because it was measured to be faster so.
var ErrSlower = errors.New("convolution: TensorFlow's own convolutions are faster")

// How a model is measured: both ways take turns, so that what else the machine does strikes both. The
// least processor time of each counts: batches are computed on all cores either way. It ends early once
// the ways are as far apart as clear.
const (
	leastTurns = 1
	mostTurns  = 5
	clear      = 1.15
)

// pace is how much processor time a trial takes each way.
type pace struct{ direct, faster time.Duration }

// settled says whether further turns would change nothing.
func (p pace) settled(turns int) bool {
	short, long := min(p.direct, p.faster), max(p.direct, p.faster)
	return turns >= mostTurns || (turns >= leastTurns && float64(long) > clear*float64(short))
}

// measure computes the last layer of a batch both ways and is ErrSlower if ours takes longer.
func (t *trial) measure(pictures int) error {
	input, err := t.noise(pictures)
	if err != nil {
		return fmt.Errorf("convolution: measure the direct way: %w", err)
	}
	feeds := map[tf.Output]*tf.Tensor{t.model.Input: input}
	last := len(t.direct) - 1
	if last < 0 {
		return nil
	}
	run := func(layer tf.Output) (time.Duration, error) {
		begun := processorTime()
		_, err := t.model.Session.Run(feeds, []tf.Output{layer}, nil)
		return processorTime() - begun, err
	}
	best := pace{direct: 1 << 62, faster: 1 << 62}
	for turn := 0; !best.settled(turn - 1); turn++ {
		direct, err := run(t.direct[last])
		if err != nil {
			return fmt.Errorf("convolution: measure the direct way: %w", err)
		}
		faster, err := run(t.faster[last])
		if err != nil {
			return fmt.Errorf("convolution: measure the faster way: %w", err)
		}
		if turn > 0 { // before, TensorFlow prepares the graph
			best = pace{min(best.direct, direct), min(best.faster, faster)}
		}
	}
	if best.faster > best.direct {
		const digits = 100 * time.Microsecond
		return fmt.Errorf("%w for %s: %s of processor time for %d images, %s with this package's", ErrSlower, t.from.model.Name, best.direct.Round(digits), pictures, best.faster.Round(digits))
	}
	return nil
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0 // both ways take as long then, and ours is used
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
