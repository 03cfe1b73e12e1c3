package vgg

// Scheme is a way of naming a network's tensors.
type Scheme string

// The schemes that Adopt recognizes. docs/weights.md lists who publishes under which.
const (
	SchemeOwn         Scheme = "ours"
	SchemeTorchvision Scheme = "torchvision"
	SchemeTimm        Scheme = "timm"
	SchemePytorchcv   Scheme = "pytorchcv"
	SchemeMMPretrain  Scheme = "mmpretrain"
	SchemePaddle      Scheme = "paddle"
	// SchemePaddleClas are PaddleClas's networks, whose names differ from those of Paddle itself.
	SchemePaddleClas Scheme = "paddleclas"
	SchemeMXNet      Scheme = "mxnet"
	SchemeONNX       Scheme = "onnx"
	SchemeKeras      Scheme = "keras"
	SchemeKerasHub   Scheme = "keras-hub"
	SchemeTFSlim     Scheme = "tf-slim"
	// SchemeCaffe are Caffe's layer names with Caffe's order of kernels.
	SchemeCaffe      Scheme = "caffe"
	SchemeMatConvNet Scheme = "matconvnet"
	// SchemeNumPy are Caffe's layer names with TensorFlow's order of kernels, as the converted
	// arrays of Frossard and of machrisaa have them.
	SchemeNumPy Scheme = "numpy"
	// SchemeVGGFace are Caffe's layer names in a PyTorch state dict or a Keras file, as the
	// conversions of the VGG Face network have them.
	SchemeVGGFace Scheme = "vgg-face"
)

// SchemeKey is the metadata key of the scheme that adopted weights were named by.
const SchemeKey = "scheme"

// classOfLayer is what a tensor's name says about its layer's kind.
type classOfLayer int

const (
	ofAnyClass classOfLayer = iota // decided by the tensors' ranks
	ofConvolution
	ofDense
	ofNormalization
)

// part is the role of a tensor in its layer.
type part string

const (
	partKernel   part = "kernel"
	partBias     part = "bias"
	partGamma    part = "gamma"
	partBeta     part = "beta"
	partMean     part = "mean"
	partVariance part = "variance"
	partEpsilon  part = "epsilon"
)

// numbering is what a layer's number in its name counts.
type numbering int

const (
	// byOrdinal: the layers of one class, in the order of computation.
	byOrdinal numbering = iota
	// byBlock: ten times the block plus the index within it.
	byBlock
	// byModule: the modules of a sequence, including those without weights.
	byModule
	// byRole: 6, 7 and 8 for Caffe's dense layers.
	byRole
)

// label is what a tensor's name says.
type label struct {
	scheme Scheme
	// prefix is what precedes the layer's own name. The layers of one network share it.
	prefix    string
	class     classOfLayer
	numbering numbering
	number    int
	part      part
	// kerasParts: the tensor's part is named as only Keras does.
	kerasParts bool
}

// key identifies a layer of a file.
func (l label) key() label {
	l.part, l.kerasParts = "", false
	return l
}
