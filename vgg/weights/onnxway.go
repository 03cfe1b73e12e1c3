package weights

import (
	"fmt"
	"math"
	"slices"
)

// affine is what a graph does to an image before its first convolution: channel i of the
// convolution's input is scale[i] * channel order[i] of the graph's input + offset[i].
type affine struct {
	scale, offset [3]float64
	order         [3]int
}

// PreprocessingNote is the metadata key of what an ONNX graph does to its input before the first
// convolution, such as
//
//	order=2:1:0,scale=1:1:1,offset=-103.939:-116.779:-123.68
//
// Channel i of the convolution's input is scale[i] * (channel order[i] of the graph's input) +
// offset[i]. It is missing if the graph uses its input as it is. Weights that are used without the
// graph need images that have been transformed this way.
const PreprocessingNote = "graph_preprocessing"

func identityWay() affine { return affine{scale: [3]float64{1, 1, 1}, order: [3]int{0, 1, 2}} }

// uniform: all channels are treated alike.
func (a affine) uniform() bool {
	return a.order == [3]int{0, 1, 2} && a.scale[0] == a.scale[1] && a.scale[1] == a.scale[2] && a.offset[0] == a.offset[1] && a.offset[1] == a.offset[2]
}

func (a affine) String() string {
	triple := func(v [3]float64) string {
		return fmt.Sprintf("%v:%v:%v", float32(v[0]), float32(v[1]), float32(v[2]))
	}
	return fmt.Sprintf("order=%d:%d:%d,scale=%s,offset=%s", a.order[0], a.order[1], a.order[2], triple(a.scale), triple(a.offset))
}

// noteWay records what is done before the first convolution.
func (w *onnxWalk) noteWay(n onnxNode, p onnxPicture, channels int) error {
	if p.way == identityWay() {
		return nil
	}
	if channels != 3 && !(channels == 1 && p.way.uniform()) {
		return fmt.Errorf("%v: the network transforms %d channels before its first convolution in an unknown way", n, channels)
	}
	w.set.note(PreprocessingNote, p.way.String())
	return nil
}

// arithmetic combines an image with a constant: a bias, or a part of the preprocessing.
func (w *onnxWalk) arithmetic(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	if len(constants) != 2 || p.pads != nil || p.odd != "" {
		return w.strange(n, p, constants)
	}
	first := constants[0] != nil || w.values[n.inputs[0]].why != nil // the constant is
	at := 1
	if first {
		at = 0
	}
	if w.layers > 0 && p.bare == "" {
		return w.strange(n, p, constants)
	}
	t, err := w.constant(n, constants, at)
	if err != nil {
		return nil, err
	}
	if w.layers > 0 {
		return w.addedBias(n, p, constants, t)
	}
	return w.scaled(n, p, t, first)
}

// addedBias treats an addition right after a layer without bias as its bias.
func (w *onnxWalk) addedBias(n onnxNode, p onnxPicture, constants []*onnxTensor, t Tensor) (*onnxPicture, error) {
	weight := w.set.Tensors["sequence/"+p.bare+"/weight"]
	units, rank := weight.Shape[0], len(weight.Shape)
	want := []int{units} // as the dimensions of a constant are held against those of the picture
	if rank == 4 && !p.channelsLast {
		want = []int{units, 1, 1}
	}
	shape := t.Shape
	for len(shape) > len(want) && shape[0] == 1 {
		shape = shape[1:]
	}
	if n.op != "Add" || !slices.Equal(shape, want) {
		return w.strange(n, p, constants)
	}
	t.Shape = []int{units}
	w.set.Tensors["sequence/"+p.bare+"/bias"] = t
	p.bare = ""
	return &p, nil
}

// scaled is a step of the preprocessing.
func (w *onnxWalk) scaled(n onnxNode, p onnxPicture, t Tensor, first bool) (*onnxPicture, error) {
	c, err := p.perChannel(t)
	if err != nil {
		return nil, fmt.Errorf("%v, before the first convolution: %w", n, err)
	}
	for i := range 3 {
		a, b := &p.way.scale[i], &p.way.offset[i]
		switch {
		case n.op == "Add":
			*b += c[i]
		case n.op == "Sub" && first:
			*a, *b = -*a, c[i]-*b
		case n.op == "Sub":
			*b -= c[i]
		case n.op == "Mul":
			*a, *b = *a*c[i], *b*c[i]
		case n.op == "Div" && !first && c[i] != 0:
			*a, *b = *a/c[i], *b/c[i]
		default:
			return nil, fmt.Errorf("%v, before the first convolution, is not a change of scale or offset", n)
		}
	}
	return &p, nil
}

// perChannel are the numbers of a constant for the three channels, one for all or one each, in the
// dimension where the image has its channels.
func (p onnxPicture) perChannel(t Tensor) ([3]float64, error) {
	values, err := t.Float32()
	if err != nil {
		return [3]float64{}, err
	}
	if len(values) == 1 {
		v := float64(values[0])
		return [3]float64{v, v, v}, nil
	}
	want := []int{3, 1, 1}
	if p.channelsLast {
		want = []int{3}
	}
	shape := t.Shape
	for len(shape) > len(want) && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(values) != 3 || !slices.Equal(shape, want) {
		return [3]float64{}, fmt.Errorf("a constant of shape %v, which is not one number or one for each channel", t.Shape)
	}
	return [3]float64{float64(values[0]), float64(values[1]), float64(values[2])}, nil
}

// normalized is a normalization of the image itself.
func (w *onnxWalk) normalized(n onnxNode, p onnxPicture, parts [4]Tensor, epsilon float64) (*onnxPicture, error) {
	if p.channelsLast || p.odd != "" {
		return nil, fmt.Errorf("%v, before the first convolution, does not normalize the channels", n)
	}
	var numbers [4][]float32
	for i, part := range parts {
		values, err := part.Float32()
		if err != nil || len(values) != 3 {
			return nil, fmt.Errorf("%v, before the first convolution, normalizes %d channels", n, len(values))
		}
		numbers[i] = values
	}
	for i := range 3 {
		factor := float64(numbers[0][i]) / math.Sqrt(float64(numbers[3][i])+epsilon)
		p.way.scale[i] *= factor
		p.way.offset[i] = (p.way.offset[i]-float64(numbers[2][i]))*factor + float64(numbers[1][i])
	}
	return &p, nil
}
