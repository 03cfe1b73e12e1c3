package convolution

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// ErrSlower says that a model is left as it is because it was measured to be faster so.
var ErrSlower = errors.New("convolution: TensorFlow's own convolutions are faster")

// How a model is measured, while it is verified: both ways take turns, so that what else the machine does strikes both. The
// least processor time of each counts: batches are computed on all cores either way. It ends early once
// the ways are as far apart as obvious, or after enoughTurns as distinct.
const (
	mostTurns   = 4
	enoughTurns = 2
	obvious     = 1.1
	distinct    = 1.05
)

// leastToTry is the number of values of a model's kernels from which products are tried: EfficientNetB0, with 4 million,
// repays the half second that this takes after some 60 images, and ResNet50, with 23 million, its three seconds after 140.
// A smaller one is tried for so many images that these times its values are at least leastInAll.
const (
	leastToTry = 2e6
	leastInAll = 4e8
)

// repays says whether a model is worth being tried: because some of its convolutions can be filtered, or because it
// has enough others, for as many images as there are, if that is known.
func (r *rewriter) repays(pictures func() int) bool {
	kernels := map[string]int64{}
	for _, c := range r.fast {
		if c.kind == filtered {
			return true
		}
		kernels[c.kernel] = 1
		if kernel, err := r.output(c.kernel); err == nil {
			if shape, err := kernel.Shape().ToSlice(); err == nil {
				for _, side := range shape {
					kernels[c.kernel] *= side
				}
			}
		}
	}
	values := int64(0)
	for _, n := range kernels {
		values += n
	}
	return values >= leastToTry || pictures != nil && float64(values)*float64(pictures()) >= leastInAll
}

// pace is how much processor time a trial takes each way.
type pace struct{ direct, faster time.Duration }

// unmeasured is longer than anything.
const unmeasured = time.Duration(math.MaxInt64)

// least is the shorter time of each way.
func (p pace) least(other pace) pace {
	return pace{min(p.direct, other.direct), min(p.faster, other.faster)}
}

// settled says whether further turns would change nothing.
func (p pace) settled(turns int) bool {
	ratio := float64(max(p.direct, p.faster)) / float64(min(p.direct, p.faster))
	return turns >= mostTurns || ratio > obvious || turns >= enoughTurns && ratio > distinct
}

// race measures both ways, in a session that computes as the model's does: the last layers alone, as whoever uses the
// model asks for. That all layers are asked for, to be compared, would strike the ways differently. What TensorFlow's
// rewriting makes of them is compared, too: of one image, and of one for each share, which are measured. The values are
// those of the variables that the copy got.
func (t *trial) race(values []*tf.Tensor, shares int) error {
	session := t.model.Session
	if t.plain {
		if err := t.openMeasured(values); err != nil {
			return fmt.Errorf("convolution: measure both ways: %w", err)
		}
		session = t.measured
	}
	if _, err := t.compare(session, t.last, 1); err != nil { // TensorFlow prepares the graph
		return err
	}
	return t.measure(session, shares, pace{direct: unmeasured, faster: unmeasured})
}

// openMeasured opens the session that is measured.
func (t *trial) openMeasured(values []*tf.Tensor) error {
	var err error
	if t.measured, _, err = inference.NewSession(t.model.Graph, t.config); err != nil {
		return err
	}
	for i, v := range t.rewriter.variables {
		t.assign.feeds[v.given] = values[i]
		t.assign.operations = append(t.assign.operations, v.assignment)
	}
	return t.assign.run(t.measured)
}

// measure computes a batch further times, the best times so far being given, and is ErrSlower if ours takes longer.
func (t *trial) measure(session *tf.Session, pictures int, best pace) error {
	for turns := 0; !best.settled(turns); turns++ {
		p, err := t.compare(session, t.last, pictures)
		if err != nil {
			return err
		}
		best = best.least(p)
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
