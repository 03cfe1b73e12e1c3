package servable

import (
	"fmt"
	"math"

	functionpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/function_go_proto"

	"fovea/picture"
	"fovea/preprocessing"
)

// Names of the functions in the graph's library.
const (
	decodeJPEG  = "fovea_decode_jpeg"
	decodeOther = "fovea_decode_other"
	moreName    = "fovea_more_pictures"
	nextName    = "fovea_next_picture"
)

// host is where images are decoded: TensorFlow has no other kernels for that.
const host = "/device:CPU:0"

// kernels are ScaleAndTranslate's names for Pillow's filters.
var kernels = map[picture.Interpolation]string{
	"": "triangle", picture.Bilinear: "triangle", picture.Bicubic: "keyscubic", picture.Lanczos: "lanczos3",
}

// pixels adds a loop over a vector of files' bytes, and returns their views, uint8 of shape
// [files x views, height, width, 3], and the functions that the loop calls, whose names end in the suffix.
func (n *nodes) pixels(files string, o picture.Options, suffix string) (string, []*functionpb.FunctionDef, error) {
	if err := o.Validate(); err != nil {
		return "", nil, err
	}
	if err := checkRange(o); err != nil {
		return "", nil, err
	}
	previous := n.device
	n.device = host
	defer func() { n.device = previous }()
	views := o.Views.Count()
	element := n.wholes(views, o.Height, o.Width, 3)
	count := n.element(int32Type, n.size(stringType, files), n.whole(0))
	list := n.add("TensorListReserve", "", []string{element, count}, attributes{"element_dtype": typeOf(uint8Type), "shape_type": typeOf(int32Type)})
	loop := n.add("StatelessWhile", "pictures", []string{n.whole(0), count, files, list}, attributes{
		"T":    typesOf(int32Type, int32Type, stringType, variantType),
		"cond": callOf(moreName + suffix), "body": callOf(nextName + suffix),
		"output_shapes":       shapesOf(shape(), shape(), shape(-1), shape()),
		"parallel_iterations": integer(parallelPictures),
		// As Python sets it: the loop becomes part of the graph, and images are decoded in
		// parallel.
		"_lower_using_switch_merge": boolean(true),
	})
	stacked := n.add("TensorListStack", "", []string{loop + ":3", element}, attributes{"element_dtype": typeOf(uint8Type), "num_elements": integer(-1)})
	return n.reshape(uint8Type, stacked, -1, o.Height, o.Width, 3), append(depthDecoders(o, suffix), jpegDecoder(suffix), otherDecoder(o.Background, suffix), more(suffix), next(o, suffix)), nil
}

// parallelPictures is the number of images decoded at a time.
const parallelPictures = 16

// loopArguments are the index of the next image, the number of images, their bytes, and the list of
// their views.
var loopArguments = []argument{{"index", int32Type}, {"count", int32Type}, {"files", stringType}, {"list", variantType}}

func more(suffix string) *functionpb.FunctionDef {
	n := &nodes{function: true, device: host}
	result := n.add("Less", "", []string{"index", "count"}, attributes{"T": typeOf(int32Type)})
	return n.define(moreName+suffix, loopArguments, []argument{{"more", boolType}}, map[string]string{"more": result})
}

func next(o picture.Options, suffix string) *functionpb.FunctionDef {
	n := &nodes{function: true, device: host}
	file := n.element(stringType, "files", "index")
	item := n.views(n.decode(file, o.Range, suffix), o)
	list := n.add("TensorListSetItem", "", []string{"list", "index", item}, attributes{"element_dtype": typeOf(uint8Type)})
	index := n.binary("AddV2", int32Type, "index", n.whole(1))
	outputs := []argument{{"next_index", int32Type}, {"same_count", int32Type}, {"same_files", stringType}, {"next_list", variantType}}
	return n.define(nextName+suffix, loopArguments, outputs, map[string]string{
		"next_index": index, "same_count": "count", "same_files": "files", "next_list": list,
	})
}

// decode gives the pixels of a file, uint8 of shape [height, width, 3]. JPEG files, which begin with
// FF D8 FF, have a decoder of their own: only that one offers the exact cosine transform.
func (n *nodes) decode(file string, r picture.Range, suffix string) string {
	begin := n.add("Substr", "", []string{file, n.whole(0), n.whole(3)}, attributes{"T": typeOf(int32Type)})
	isJPEG := n.binary("Equal", stringType, begin, n.bytes("\xff\xd8\xff"))
	if keepsHighByte(r) {
		return n.branch(isJPEG, file, decodeJPEG+suffix, decodeOther+suffix)
	}
	return n.branch(isJPEG, file, decodeJPEG+suffix, decodeByDepth+suffix)
}

// branch decodes a file by one of two functions.
func (n *nodes) branch(condition, file, then, otherwise string) string {
	return n.add("StatelessIf", "decoded", []string{condition, file}, attributes{
		"Tcond": typeOf(boolType), "Tin": typesOf(stringType), "Tout": typesOf(uint8Type),
		"then_branch": callOf(then), "else_branch": callOf(otherwise), "output_shapes": shapesOf(shape(-1, -1, 3)),
		"_lower_using_switch_merge": boolean(true),
	})
}

func jpegDecoder(suffix string) *functionpb.FunctionDef {
	n := &nodes{function: true, device: host}
	image := n.add("DecodeJpeg", "", []string{"file"}, attributes{"channels": integer(3), "dct_method": text("INTEGER_ACCURATE")})
	image = n.upright(image, n.orientation("file"))
	return n.define(decodeJPEG+suffix, []argument{{"file", stringType}}, []argument{{"pixels", uint8Type}}, map[string]string{"pixels": image})
}

func otherDecoder(background picture.Background, suffix string) *functionpb.FunctionDef {
	n := &nodes{function: true, device: host}
	// TensorFlow's decoders know each other's formats. This one takes GIFs of one frame, and refuses
	// BMP, whose palettes DecodeImage misreads. With alpha it also refuses GIFs.
	colour, blended := background.Colour()
	channels := 3
	if blended {
		channels = 4
	}
	image := n.add("DecodePng", "", []string{"file"}, attributes{"channels": integer(channels), "dtype": typeOf(uint8Type)})
	if blended {
		image = n.over(image, n.opacity(image, "file"), colour)
	}
	return n.define(decodeOther+suffix, []argument{{"file", stringType}}, []argument{{"pixels", uint8Type}}, map[string]string{"pixels": image})
}

// Patterns of PNGs, in which \C is any byte: with fewer than 8 bits a sample, and with a chunk tRNS of at most 511 bytes.
const (
	fewBits      = `\C{24}[\x01\x02\x04]\C*`
	transparency = `\C*\x00\x00[\x00\x01]\CtRNS\C*`
)

// opacity is the alpha of an image of four channels that DecodePng made of a PNG, int32 of shape [height, width, 1].
// Where the PNG has no alpha and fewer than 8 bits, DecodePng gives it the largest number of so many bits, 1 to 15,
// which is nearly transparent.
func (n *nodes) opacity(image, file string) string {
	matches := func(pattern string) string {
		return n.add("StaticRegexFullMatch", "", []string{file}, attributes{"pattern": text(pattern)})
	}
	opaque := n.add("LogicalAnd", "", []string{matches(fewBits), n.add("LogicalNot", "", []string{matches(transparency)}, nil)}, nil)
	return n.add("SelectV2", "", []string{opaque, n.whole(255), n.channels(image, 3, 1)}, attributes{"T": typeOf(int32Type)})
}

// channels are some of an image's channels, as int32.
func (n *nodes) channels(image string, first, count int) string {
	part := n.add("Slice", "", []string{image, n.wholes(0, 0, first), n.wholes(-1, -1, count)}, attributes{"T": typeOf(uint8Type), "Index": typeOf(int32Type)})
	return n.cast(uint8Type, int32Type, part)
}

// over blends an image with a background by its opacity, with the rounding of package picture.
func (n *nodes) over(image, opacity string, background [3]uint8) string {
	colour := n.wholes(int(background[0]), int(background[1]), int(background[2]))
	through := n.binary("Mul", int32Type, colour, n.binary("Sub", int32Type, n.whole(255), opacity))
	sum := n.binary("AddV2", int32Type, n.binary("Mul", int32Type, n.channels(image, 0, 3), opacity), n.binary("AddV2", int32Type, through, n.whole(128)))
	high := func(x string) string { return n.binary("RightShift", int32Type, x, n.whole(8)) }
	return n.cast(int32Type, uint8Type, high(n.binary("AddV2", int32Type, high(sum), sum)))
}

// margin is the side of a scaled image in proportion to that of a view cut out of it.
const margin = 256.0 / 224

// views scales an image and cuts its views out, as package picture does. The result is uint8 of
// shape [views, height, width, 3].
func (n *nodes) views(image string, o picture.Options) string {
	size := n.size(uint8Type, image)
	height, width := n.element(int32Type, size, n.whole(0)), n.element(int32Type, size, n.whole(1))
	scaledHeight, scaledWidth := n.scaledSize(height, width, o)
	scaled := n.resize(image, height, width, scaledHeight, scaledWidth, o.Interpolation)
	if o.Resize == picture.Crop || o.Views == picture.TenCrop {
		return n.pack(uint8Type, n.cut(scaled, scaledHeight, scaledWidth, o)...)
	}
	views := []string{scaled}
	if o.Views == picture.Flip {
		views = append(views, n.reverse(uint8Type, scaled, 1))
	}
	return n.pack(uint8Type, views...)
}

// scaledSize is the height and width to which an image is scaled before its views are cut out.
func (n *nodes) scaledSize(height, width string, o picture.Options) (scaledHeight, scaledWidth string) {
	scaledHeight, scaledWidth = n.whole(o.Height), n.whole(o.Width)
	larger := func(side int) int { return int(math.RoundToEven(float64(side) * margin)) }
	switch {
	case o.Resize == picture.Crop:
		shorter, side := n.binary("Minimum", int32Type, height, width), n.whole(larger(o.Width))
		scaledHeight = n.binary("FloorDiv", int32Type, n.binary("Mul", int32Type, side, height), shorter)
		scaledWidth = n.binary("FloorDiv", int32Type, n.binary("Mul", int32Type, side, width), shorter)
	case o.Views == picture.TenCrop:
		scaledHeight, scaledWidth = n.whole(larger(o.Height)), n.whole(larger(o.Width))
	}
	return scaledHeight, scaledWidth
}

// cut cuts the views out of an image of that height and width.
func (n *nodes) cut(image, height, width string, o picture.Options) (views []string) {
	zero := n.whole(0)
	right, bottom := n.binary("Sub", int32Type, width, n.whole(o.Width)), n.binary("Sub", int32Type, height, n.whole(o.Height))
	take := func(left, top string) string {
		return n.add("Slice", "", []string{image, n.pack(int32Type, top, left, zero), n.wholes(o.Height, o.Width, 3)}, attributes{"T": typeOf(uint8Type), "Index": typeOf(int32Type)})
	}
	corners := [][2]string{{n.half(right), n.half(bottom)}}
	if o.Views == picture.TenCrop {
		corners = [][2]string{{zero, zero}, {right, zero}, {zero, bottom}, {right, bottom}, corners[0]}
	}
	for _, corner := range corners {
		views = append(views, take(corner[0], corner[1]))
	}
	switch o.Views {
	case picture.Flip:
		views = append(views, n.reverse(uint8Type, views[0], 1))
	case picture.TenCrop:
		for _, corner := range corners { // of the mirror image, whose left is the image's right
			left := n.binary("Sub", int32Type, right, corner[0])
			views = append(views, n.reverse(uint8Type, take(left, corner[1]), 1))
		}
	}
	return views
}

// half is half an int32, rounded to even.
func (n *nodes) half(x string) string {
	halved := n.binary("Mul", float32Type, n.cast(int32Type, float32Type, x), n.real(0.5))
	return n.cast(float32Type, int32Type, n.add("Round", "", []string{halved}, attributes{"T": typeOf(float32Type)}))
}

// resize scales an image as Pillow does, in two passes, with values rounded to bytes in between. The
// width comes first, unless the height shrinks by more than twice as many pixels as the width.
// Weights are float32 where Pillow's are fixed-point, so that some values are rounded the other way.
func (n *nodes) resize(image, height, width, toHeight, toWidth string, by picture.Interpolation) string {
	if by == picture.Nearest {
		rows := n.gather(uint8Type, image, n.samples(height, toHeight), 0)
		return n.gather(uint8Type, rows, n.samples(width, toWidth), 1)
	}
	ratio := func(to, from string) string {
		return n.binary("RealDiv", float32Type, n.cast(int32Type, float32Type, to), n.cast(int32Type, float32Type, from))
	}
	none := n.pack(float32Type, n.real(0), n.real(0))
	batch := n.add("ExpandDims", "", []string{image, n.whole(0)}, attributes{"T": typeOf(uint8Type), "Tdim": typeOf(int32Type)})
	scale := func(x, rows, columns, byRows, byColumns string) string {
		resized := n.add("ScaleAndTranslate", "", []string{x, n.pack(int32Type, rows, columns), n.pack(float32Type, byRows, byColumns), none}, attributes{
			"T": typeOf(uint8Type), "kernel_type": text(kernels[by]), "antialias": boolean(true),
		})
		rounded := n.add("Floor", "", []string{n.binary("AddV2", float32Type, resized, n.real(0.5))}, attributes{"T": typeOf(float32Type)})
		clipped := n.add("ClipByValue", "", []string{rounded, n.real(0), n.real(255)}, attributes{"T": typeOf(float32Type)})
		return n.cast(float32Type, uint8Type, clipped)
	}
	// Both orders are the same two operations: the size in between makes the difference. A ratio of
	// 1 leaves a direction unchanged.
	shrink := n.binary("Sub", int32Type, height, toHeight)
	twice := n.binary("Mul", int32Type, n.whole(2), n.binary("Sub", int32Type, width, toWidth))
	rowsFirst := n.add("Less", "", []string{n.binary("Maximum", int32Type, twice, n.whole(0)), shrink}, attributes{"T": typeOf(int32Type)})
	choose := func(a, b string) string {
		return n.add("SelectV2", "", []string{rowsFirst, a, b}, attributes{"T": typeOf(int32Type)})
	}
	middleHeight, middleWidth := choose(toHeight, height), choose(width, toWidth)
	middle := scale(batch, middleHeight, middleWidth, ratio(middleHeight, height), ratio(middleWidth, width))
	small := scale(middle, toHeight, toWidth, ratio(toHeight, middleHeight), ratio(toWidth, middleWidth))
	return n.add("Squeeze", "", []string{small}, attributes{"T": typeOf(uint8Type), "squeeze_dims": intsOf(0)})
}

// samples are the indices of the source samples nearest to each of the target's. Positions are summed
// up step by step, as in Pillow, because the rounding of the sums shows.
func (n *nodes) samples(from, to string) string {
	steps := n.add("Range", "", []string{n.whole(0), to, n.whole(1)}, attributes{"Tidx": typeOf(int32Type)})
	double := func(x string) string { return n.cast(int32Type, float64Type, x) }
	scale := n.binary("RealDiv", float64Type, double(from), double(to))
	first := n.add("Equal", "", []string{steps, n.whole(0)}, attributes{"T": typeOf(int32Type)})
	parts := n.add("SelectV2", "", []string{first, n.double(0.5), n.double(1)}, attributes{"T": typeOf(float64Type)})
	position := n.add("Cumsum", "", []string{n.binary("Mul", float64Type, parts, scale), n.whole(0)}, attributes{"T": typeOf(float64Type), "Tidx": typeOf(int32Type)})
	last := n.binary("Sub", int32Type, from, n.whole(1))
	return n.binary("Minimum", int32Type, n.cast(float64Type, int32Type, position), last)
}

// preprocess turns pixels into the model's input, float32.
func (n *nodes) preprocess(pixels string, how preprocessing.Spec) (string, error) {
	if err := how.Validate(); err != nil {
		return "", err
	}
	var channels string
	switch how.Channels {
	case preprocessing.RGB:
		channels = n.gather(uint8Type, pixels, n.wholes(0, 1, 2), 3)
	case preprocessing.BGR:
		channels = n.gather(uint8Type, pixels, n.wholes(2, 1, 0), 3)
	default:
		return "", fmt.Errorf("servable: a model that takes %s cannot be exported with its head: only models of RGB or BGR images can", how.Channels)
	}
	if how == preprocessing.None {
		return n.cast(uint8Type, float32Type, channels), nil
	}
	depth := how.Depth()
	values := n.binary("RealDiv", float64Type, n.cast(uint8Type, float64Type, channels), n.double(how.Divisor))
	values = n.binary("Sub", float64Type, values, n.doubles(how.Mean[:depth]...))
	values = n.binary("RealDiv", float64Type, values, n.doubles(how.Std[:depth]...))
	return n.cast(float64Type, float32Type, values), nil
}
