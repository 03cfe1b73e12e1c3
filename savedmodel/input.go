package savedmodel

import (
	"errors"
	"fmt"

	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
	core "github.com/galeone/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"

	"fovea/preprocessing"
)

// picture describes the input of a signature.
type picture struct {
	key, tensor   string
	dtype         typespb.DataType
	height, width int // 0 where the model takes any
	// channels are 1 (grey), 3 or 4 (with alpha), 0 where the signature leaves them open.
	channels      int
	channelsFirst bool
	// single says that the signature is declared for one image at a time.
	single bool
}

// ErrSize marks a size that the model cannot take.
var ErrSize = errors.New("it does not take images of that size")

// ErrNotDense says that a model takes images of one size only.
var ErrNotDense = errors.New("takes images of one size only")

// maxSide bounds the input, so that a hostile signature cannot exhaust memory.
const maxSide = 4096

// pictureInput checks that a signature takes one batch of images and nothing else.
func pictureInput(signature *core.SignatureDef) (picture, error) {
	if n := len(signature.GetInputs()); n != 1 {
		return picture{}, fmt.Errorf("%w: it takes %d inputs; only models of one image can be used", ErrFormat, n)
	}
	key := sortedKeys(signature.GetInputs())[0]
	info := signature.GetInputs()[key]
	p := picture{key: key, tensor: info.GetName(), dtype: info.GetDtype()}
	if p.dtype != typespb.DataType_DT_FLOAT && p.dtype != typespb.DataType_DT_UINT8 {
		return picture{}, fmt.Errorf("%w: input %s is of type %s; only float32 and uint8 can be used", ErrFormat, key, p.dtype)
	}
	if info.GetTensorShape().GetUnknownRank() {
		return p, nil
	}
	var sizes []int64
	for _, d := range info.GetTensorShape().GetDim() {
		sizes = append(sizes, d.GetSize())
	}
	if len(sizes) != 4 {
		return picture{}, fmt.Errorf("%w: input %s has shape %v; a batch of images is [batch, height, width, channels] or [batch, channels, height, width]", ErrFormat, key, sizes)
	}
	if sizes[0] > 1 {
		return picture{}, fmt.Errorf("%w: input %s is fixed to batches of %d; export the model with an open batch size", ErrFormat, key, sizes[0])
	}
	p.single = sizes[0] == 1
	return p.withSides(sizes)
}

// withSides decides which dimensions are height, width and channels. Three channels take precedence
// over one or four, and the last dimension over the second.
func (p picture) withSides(sizes []int64) (picture, error) {
	last, second := sizes[3], sizes[1]
	height, width := sizes[1], sizes[2]
	switch {
	case last == 3 || isColour(last) && second != 3:
		p.channels = int(last)
	case isColour(second):
		p.channels, p.channelsFirst = int(second), true
		height, width = sizes[2], sizes[3]
	case last < 0 && second < 0:
		width = -1 // decided once the graph is loaded
	case last < 0 || second < 0:
		return p, fmt.Errorf("%w: input %s has shape %v, which does not show where the channels are; export the model with 1, 3 or 4 channels fixed", ErrFormat, p.key, sizes)
	default:
		return p, fmt.Errorf("%w: input %s has %d channels, not 1, 3 or 4", ErrFormat, p.key, last)
	}
	if height > maxSide || width > maxSide {
		return p, fmt.Errorf("%w: input %s of %dx%d pixels is larger than %d", ErrFormat, p.key, width, height, maxSide)
	}
	p.height, p.width = int(max(height, 0)), int(max(width, 0))
	return p, nil
}

func isColour(channels int64) bool { return channels == 1 || channels == 3 || channels == 4 }

// anySize says whether the model leaves height or width open.
func (p picture) anySize() bool { return p.height == 0 || p.width == 0 }

// plain says that images can be fed to the model as they are.
func (p picture) plain() bool {
	return p.channels == 3 && !p.channelsFirst && !p.anySize() && !p.single
}

// size is the size of the images that the model will be given, 0x0 for any.
func (p picture) size(options Options) (height, width int, err error) {
	if options.Dense {
		if p.height != 0 || p.width != 0 {
			return 0, 0, fmt.Errorf("%w (%s): only a fully convolutional model that is exported with height and width open can be evaluated densely", ErrNotDense, p.sides())
		}
		return 0, 0, nil
	}
	choose := func(fixed, requested int) int {
		switch {
		case fixed != 0:
			return fixed
		case requested != 0:
			return requested
		}
		return DefaultInputSize
	}
	height, width = choose(p.height, options.InputHeight), choose(p.width, options.InputWidth)
	if options.InputHeight < 0 || options.InputHeight > maxSide || options.InputWidth < 0 || options.InputWidth > maxSide {
		return 0, 0, fmt.Errorf("%w: %dx%d pixels; each side must be 1 to %d", ErrSize, options.InputWidth, options.InputHeight, maxSide)
	}
	if options.InputHeight != 0 && options.InputHeight != height || options.InputWidth != 0 && options.InputWidth != width {
		return 0, 0, fmt.Errorf("%w: %dx%d pixels were requested, it takes %s", ErrSize, options.InputWidth, options.InputHeight, p.sides())
	}
	return height, width, nil
}

// sides describes the sizes that the model takes, width first as people write them.
func (p picture) sides() string {
	side := func(n int) string {
		if n == 0 {
			return "any"
		}
		return fmt.Sprint(n)
	}
	return side(p.width) + "x" + side(p.height)
}

// choosePreprocessing returns the requested preprocessing, or else that of the model's note. A
// model that takes bytes normalizes them itself.
func choosePreprocessing(dir string, input picture, requested preprocessing.Spec, note Note) (preprocessing.Spec, error) {
	chosen := requested
	if requested.IsZero() {
		chosen = note.Preprocessing
	}
	if input.dtype == typespb.DataType_DT_UINT8 {
		chosen = preprocessing.None
	}
	chosen, err := input.fit(chosen)
	if err != nil {
		return preprocessing.Spec{}, fmt.Errorf("savedmodel: %s: %w", dir, err)
	}
	if requested, err = input.fit(requested); input.dtype == typespb.DataType_DT_UINT8 && !requested.IsZero() && (err != nil || requested.WithLayout("") != chosen) {
		return preprocessing.Spec{}, fmt.Errorf("savedmodel: %s takes bytes (uint8) and normalizes them itself, so preprocessing %s cannot apply: use %s", dir, requested, chosen)
	}
	return chosen, nil
}

// fit adapts a preprocessing to the model's number of channels. One that treats red, green and blue
// alike also works for grey and alpha.
func (p picture) fit(how preprocessing.Spec) (preprocessing.Spec, error) {
	if how.IsZero() || p.channels == 0 || how.Depth() == p.channels {
		return how, p.checkLayout(how)
	}
	alike := how.Depth() == 3
	for c := 1; c < how.Depth(); c++ {
		alike = alike && how.Mean[c] == how.Mean[0] && how.Std[c] == how.Std[0]
	}
	if !alike || p.channels == 3 {
		return how, fmt.Errorf("preprocessing %s is for %d channels and input %s has %d: give one that fits, such as --preprocessing channels=%s,scale=1/255,mean=0.5,std=0.5",
			how, how.Depth(), p.key, p.channels, map[int]preprocessing.Channels{1: preprocessing.Gray, 3: preprocessing.RGB, 4: preprocessing.RGBA}[p.channels])
	}
	fitting := preprocessing.Spec{Channels: preprocessing.Gray, Divisor: how.Divisor, Layout: how.Layout}
	if p.channels == 4 {
		fitting.Channels = preprocessing.RGBA
	}
	for c := range p.channels {
		fitting.Mean[c], fitting.Std[c] = how.Mean[0], how.Std[0]
	}
	return fitting, p.checkLayout(how)
}

// checkLayout refuses a layout that contradicts the shape of the input.
func (p picture) checkLayout(how preprocessing.Spec) error {
	if how.Layout == "" || p.channels == 0 || (how.Layout == preprocessing.NCHW) == p.channelsFirst {
		return nil
	}
	return fmt.Errorf("preprocessing %s says that the model takes %s, but the shape of input %s says otherwise: leave the layout out", how, how.Layout, p.key)
}
