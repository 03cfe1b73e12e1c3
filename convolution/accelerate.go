package convolution

import (
	"errors"
	"fmt"
	"runtime"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// ErrMixed says that a model stays as it is because its batches must not be split: a picture's features
// depend on the others.
var ErrMixed = errors.New("convolution: the images of a batch are not independent")

// ErrNotFaster says that a model stays as it is: it has no convolution of the kind, or does
// not run on a CPU and in a precision that this package is written for.
var ErrNotFaster = errors.New("convolution: nothing to make faster")

// Options say how a model is changed.
type Options struct {
	// Verify tries the changed graph out in a session of its own first: every layer is compared with
	// the model's, on batches of several sizes, and any difference but rounding is an error. It is for
	// graphs that somebody else made, and costs about a second.
	Verify bool
	// Shares is the number of parts of a batch that are computed side by side (default: one or two
	// a core).
	Shares int
}

// Accelerate changes a model's layers, in place, to ones that compute the same faster. The
// graph only grows: tensors that the caller holds stay valid and as slow as they were. On
// any error the model is unchanged, can be used as it is, and may be given to Accelerate again, with
// other options; ErrNotFaster and ErrMixed are those to be expected. The memory that the attempt took
// is given back.
func Accelerate(model *inference.Model, options Options) error {
	m, found := methods[model.Precision]
	if model.Device != inference.DeviceCPU || !found {
		return fmt.Errorf("%w: it runs in %s on %s", ErrNotFaster, model.Precision, model.Device)
	}
	if err := m.supported(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	if err := register(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	r, err := newRewriter(model, m)
	if err != nil {
		return err
	}
	if options.Shares == 0 {
		options.Shares = m.shares * runtime.NumCPU()
	}
	if model.MaxBatch > 0 {
		options.Shares = min(options.Shares, model.MaxBatch)
	}
	if options.Shares > 1 {
		if err := r.checkRows(); err != nil {
			return err
		}
	}
	if err := r.cleanControls(); err != nil {
		return err
	}
	if options.Verify {
		if err := r.verify(options.Shares); err != nil {
			return err
		}
	}
	layers, err := r.rewrite(options.Shares)
	if err != nil {
		return errors.Join(err, r.giveBack())
	}
	model.Layers = layers
	model.Convolutions = inference.Convolutions{Count: len(r.transformed), Method: m.name}
	return nil
}

// prefix of the names of all that is added to a graph.
const prefix = "fovea_convolution"

// method is a way to compute convolutions, by operations of our own.
type method struct {
	name string
	// supported tells why this processor cannot, if so.
	supported func() error
	// kernel is the operation that transforms a kernel, to values of type stored, and convolution
	// the one that takes them.
	kernel, convolution string
	stored              tf.DataType
	// suits tells whether there is a way from so many channels to so many.
	suits func(in, out int64) bool
	// shares is the number of parts of a batch for each core. More than one make for fewer pictures
	// in work at a time, whose maps stay in the caches.
	shares int
	// planes says that convolutions take and give planes (tiles.h) instead of pictures in NHWC order.
	planes bool
	// tolerance is how far the results may be from TensorFlow's, relative to the largest value: far
	// above what rounding does, far below what a mistake does.
	tolerance float64
}

var methods = map[inference.Precision]method{
	inference.Float32: {
		name: "Winograd", supported: winogradSupported,
		kernel: "FoveaWinogradKernel", convolution: "FoveaWinogradConvolution", stored: tf.Float, shares: 1,
		suits:     func(_, out int64) bool { return out%16 == 0 },
		tolerance: 1e-3,
	},
	inference.BFloat16: {
		name: "AMX", supported: inference.AMX,
		kernel: "FoveaTilesKernel", convolution: "FoveaTilesConvolution", stored: tf.Bfloat16, shares: 2, planes: true,
		suits:     func(in, out int64) bool { return (in <= 4 || in%32 == 0) && out%32 == 0 },
		tolerance: 5e-2,
	},
}
