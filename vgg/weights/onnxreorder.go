package weights

import (
	"fmt"
	"slices"
)

// channelAxis is the dimension of the channels.
func (p onnxPicture) channelAxis() int {
	if p.channelsLast {
		return 3
	}
	return 1
}

// isChannelAxis recognizes it, counted from the front or the back.
func (p onnxPicture) isChannelAxis(axis int) bool {
	return axis == p.channelAxis() || axis == p.channelAxis()-4
}

// reorder reverses the channels, which is how BGR is made, or cuts one out.
func (w *onnxWalk) reorder(n onnxNode, p onnxPicture, constants []*onnxTensor) (*onnxPicture, error) {
	reverses := false
	switch {
	case w.layers > 0 || p.pads != nil:
	case n.op == "Gather" && len(constants) == 2 && constants[1] != nil && p.isChannelAxis(n.attributes["axis"].number):
		indices, err := constants[1].integers()
		reverses = err == nil && slices.Equal(indices, []int{2, 1, 0})
	case n.op == "Slice":
		start, end, axis, step, ok := n.slice(constants)
		if !ok || !p.isChannelAxis(axis) {
			break
		}
		if step == 1 && start >= 0 && start < 3 && (end == start+1 || start == 2 && end > 2) {
			p.part = start + 1
			return &p, nil
		}
		reverses = step == -1 && (start == -1 || start >= 2) && end < -3
	}
	if !reverses {
		return w.strange(n, p, constants)
	}
	p.way = p.way.ordered([3]int{2, 1, 0})
	return &p, nil
}

// slice are the parameters of a Slice along one axis.
func (n onnxNode) slice(constants []*onnxTensor) (start, end, axis, step int, ok bool) {
	values := [4]int{0, 0, 0, 1}
	for i := range values {
		if i+1 >= len(constants) || constants[i+1] == nil {
			if i < 3 || i+1 < len(constants) && n.inputs[i+1] != "" {
				return 0, 0, 0, 0, false
			}
			continue
		}
		list, err := constants[i+1].integers()
		if err != nil || len(list) != 1 {
			return 0, 0, 0, 0, false
		}
		values[i] = list[0]
	}
	return values[0], values[1], values[2], values[3], true
}

// ordered reorders the channels.
func (a affine) ordered(order [3]int) affine {
	var out affine
	for i, from := range order {
		out.scale[i], out.offset[i], out.order[i] = a.scale[from], a.offset[from], a.order[from]
	}
	return out
}

// joined is the result of joining branches: channels that were cut out, in a new order, or
// something that no VGG does.
func (w *onnxWalk) joined(n onnxNode, pictures []*onnxPicture) *onnxPicture {
	p := *pictures[0]
	if axis, given := n.attributes["axis"]; n.op == "Concat" && given && p.isChannelAxis(axis.number) && len(pictures) == 3 && len(n.inputs) == 3 {
		var order [3]int
		alike := w.layers == 0
		for i, part := range pictures {
			order[i] = part.part - 1
			alike = alike && part.part > 0 && part.odd == "" && part.way == p.way && part.channelsLast == p.channelsLast
		}
		if alike {
			p.way, p.part = p.way.ordered(order), 0
			return &p
		}
	}
	for _, other := range pictures {
		p.layers = max(p.layers, other.layers)
	}
	p.odd, p.fresh, p.bare = fmt.Sprintf("%v joins two branches", n), -1, ""
	return &p
}
