package convolution

import (
	"errors"
	"fmt"
	"runtime"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/inference"
)

// ErrMixed says that a model is left as it is because its batches must not be split: an image's
// features depend on the other images.
var ErrMixed = errors.New("convolution: the images of a batch are not independent")

// ErrNotFaster says that a model is left as it is: it has no suitable convolution, or runs on a
// device or in a precision that this package does not cover.
var ErrNotFaster = errors.New("convolution: nothing to make faster")

// Options control how a model is changed.
type Options struct {
	// Verify first tries the changed graph in a session of its own: every layer is compared with
	// the model's, on batches of several sizes, and any difference beyond rounding is an error. It
	// is meant for foreign graphs and costs about a second.
	Verify bool
	// Measure leaves a model as it is, with ErrSlower, if the changed graph takes more processor time for a
	// few images, and with ErrNotFaster if the model is too small for trying that. It needs Verify.
	Measure bool
	// Pictures, if set, says how many images will be computed: for many, a smaller model is tried, too. It is only asked
	// about one that is.
	Pictures func() int
	// Shares is the number of parts of a batch that are computed in parallel (default: one or two
	// per core).
	Shares int
	// Prepared are kernels of the model that were transformed already; each is used once.
	Prepared *Prepared
}

// Accelerate replaces a model's layers, in place, by ones that compute the same thing faster. The
// graph only grows: tensors that the caller holds stay valid, and as slow as before. On any error
// the model is unchanged and usable, its memory use is as before, and Accelerate may be called
// again with other options; ErrNotFaster, ErrMixed and ErrSlower are to be expected.
func Accelerate(model *inference.Model, options Options) error {
	m, err := methodFor(model)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	return accelerate(model, m, options)
}

func accelerate(model *inference.Model, m method, options Options) error {
	if err := register(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFaster, err)
	}
	r, err := newRewriter(model, m)
	if err != nil {
		return err
	}
	if options.Measure && !r.repays(options.Pictures) {
		return fmt.Errorf("%w: the convolutions of %s are so few or so small that trying others takes longer than they would save", ErrNotFaster, model.Name)
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
		if err := r.verify(options.Shares, options.Measure); err != nil {
			return err
		}
	}
	r.prepared = options.Prepared
	layers, err := r.rewrite(options.Shares)
	if err != nil {
		return errors.Join(err, r.giveBack())
	}
	model.Layers = layers
	model.Convolutions = inference.Convolutions{Count: r.count(), Method: r.methods()}
	return nil
}

// count is the number of kernels of the convolutions that are replaced.
func (r *rewriter) count() int {
	kernels := map[string]bool{}
	for _, n := range r.order {
		if c, found := r.fast[n.GetName()]; found && c.kind != normalized && c.kind != scaled {
			for _, part := range c.all() {
				kernels[part.weights()] = true
			}
		}
	}
	return len(kernels)
}

// methods names the ways in which convolutions are computed.
func (r *rewriter) methods() string {
	filtering, others := false, false
	for _, c := range r.fast {
		filtering = filtering || c.kind == filtered
		others = others || c.kind == multiplied || c.kind == depthwise
	}
	switch {
	case filtering && others:
		return r.method.name + " and as products"
	case others:
		return "products"
	}
	return r.method.name
}

// prefix begins the names of everything that is added to a graph.
const prefix = "fovea_convolution"

// method is a way to compute convolutions, with our own operations.
type method struct {
	name string
	// supported says why this processor cannot use it, if so.
	supported func() error
	// kernel is the operation that transforms a kernel to values of type stored; convolution is the
	// one that uses them.
	kernel, convolution string
	stored              tf.DataType
	// suits says whether the method handles these numbers of input and output channels.
	suits func(in, out int64) bool
	// shares is the number of parts of a batch per core. With more than one, fewer images are in
	// flight at a time, so that their maps stay in the caches.
	shares int
	// planes and pixels are the operations that make planes (tiles.h, wide.h) of images in NHWC order,
	// and the way back: convolutions read and write planes.
	planes, pixels string
	// engine is set if the operations are those of wide.h; otherwise numbers says what those of tiles.h multiply.
	engine  *engine
	numbers tilesNumbers
	// products says that other convolutions are computed as products of matrices (pointwise.h).
	products bool
	// tolerance is how far results may be from TensorFlow's, relative to the largest value: far
	// above rounding errors, far below what a bug would cause.
	tolerance float64
}

// tilesNumbers are tiles.h's tiles_numbers.
type tilesNumbers int64

const (
	tilesHalves tilesNumbers = iota
	tilesBytes
)

// engine is what the operations of wide.h compute with.
type engine struct {
	whole        bool // products of whole numbers
	instructions instructions
}

// instructions are wide.h's wide_instructions.
type instructions int64

const (
	avx512 instructions = iota
	avxVNNI
	avx2
)

func (e engine) String() string {
	switch e.instructions {
	case avx2:
		return "AVX2"
	case avxVNNI:
		return "AVX-VNNI"
	}
	if e.whole {
		return "AVX-512 VNNI"
	}
	return "AVX-512"
}

// wide is Winograd's filtering of maps in planes.
func wide(name string, e engine, tolerance float64) method {
	return method{
		name: name, supported: func() error { return supported(e) },
		kernel: "FoveaWideKernel", convolution: "FoveaWideConvolution", planes: "FoveaWidePlanes", pixels: "FoveaWidePixels", engine: &e,
		stored: tf.Float, shares: 1, tolerance: tolerance, products: !e.whole,
		suits: func(_, out int64) bool { return out%16 == 0 },
	}
}

// tiles are direct convolutions by AMX's tiles.
func tiles(name string, numbers tilesNumbers, tolerance float64) method {
	return method{
		name: name, supported: func() error { return inference.AMX() },
		kernel: "FoveaTilesKernel", convolution: "FoveaTilesConvolution", planes: "FoveaTilesPlanes", pixels: "FoveaTilesPixels", numbers: numbers,
		stored: tf.Bfloat16, shares: 2, tolerance: tolerance,
		suits: func(in, out int64) bool { return (in <= fewChannels || in%32 == 0) && out%32 == 0 },
	}
}

// methods are the ways to compute in each precision, the fastest first. Those of one precision give
// the same results.
var methods = map[inference.Precision][]method{
	inference.Float32: {
		wide("Winograd", engine{false, avx512}, 1e-3),
		wide("Winograd", engine{false, avx2}, 1e-3),
	},
	inference.Int16: {
		wide("Winograd in int16", engine{true, avx512}, 2e-2),
		wide("Winograd in int16", engine{true, avxVNNI}, 2e-2),
		wide("Winograd in int16", engine{true, avx2}, 2e-2),
	},
	inference.BFloat16: {tiles("AMX", tilesHalves, 5e-2)},
	inference.Int8:     {tiles("AMX in int8", tilesBytes, 1e-1)},
}

// needs names the convolutions that a method makes faster.
func (m method) needs() string {
	if m.products {
		return "convolution of a supported kind"
	}
	return "convolution of 3x3 with stride 1"
}

// methodFor is the fastest method that this processor has for a model's device and precision.
func methodFor(model *inference.Model) (method, error) {
	if model.Device != inference.DeviceCPU {
		return method{}, fmt.Errorf("it runs in %s on %s", model.Precision, model.Device)
	}
	return fastestMethod(model.Precision)
}

// fastestMethod is the fastest method that this processor has for a precision.
func fastestMethod(precision inference.Precision) (method, error) {
	err := fmt.Errorf("it runs in %s", precision)
	for _, m := range methods[precision] {
		if err = m.supported(); err == nil {
			return m, nil
		}
	}
	return method{}, err
}
