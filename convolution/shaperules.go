package convolution

import (
	"encoding/binary"
	"slices"

	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// reshape keeps the images apart if the new shape begins with their number or a multiple of it: the numbers of an
// image follow each other, before and after.
func reshape(o operation) batching {
	switch {
	case o.is(rows, dimensions), o.is(flat, dimensions):
		return rows
	case o.is(rows, flatDimensions), o.is(flat, flatDimensions):
		return flat
	case !o.is(rows, constant):
		return mixed
	}
	to, ok := o.ints(1)
	from, known := o.shape(o.tensors[0])
	if !ok || !known || len(to) == 0 || to[0] != -1 || len(from) == 0 {
		return mixed
	}
	size, want := int64(1), int64(1)
	for _, d := range from[1:] {
		size *= d
		if d < 0 {
			return mixed
		}
	}
	for _, d := range to[1:] {
		want *= d
	}
	if size != want && want > 0 && size%want == 0 {
		return flat
	}
	return sure(size == want)
}

// squeeze without dimensions drops the batch dimension of a single image.
func squeeze(o operation) batching {
	dims := o.node.GetAttr()["squeeze_dims"].GetList().GetI()
	rank := o.rank(0)
	return sure(o.is(rows) && rank > 0 && len(dims) > 0 && !slices.Contains(fromZero(dims, rank), 0))
}

func expandDims(o operation) batching {
	rank := o.rank(0)
	return sure(o.is(rows, constant) && rank > 0 && o.along(1, rank+1))
}

func transpose(o operation) batching {
	order, ok := o.ints(1)
	return sure(o.is(rows, constant) && ok && len(order) > 0 && order[0] == 0)
}

func broadcastTo(o operation) batching {
	shape, known := o.shape(o.tensors[1])
	from, fromKnown := o.shape(o.tensors[0])
	if len(o.inputs) != 2 || o.inputs[1] != dimensions || !known || !fromKnown || len(shape) != 1 {
		return mixed
	}
	rank := shape[0]
	if o.inputs[0] == rows {
		return sure(int64(len(from)) == rank)
	}
	return sure(o.inputs[0] == constant && (int64(len(from)) < rank || (int64(len(from)) == rank && from[0] == 1)))
}

func fill(o operation) batching { return sure(o.is(dimensions, constant)) }

func tile(o operation) batching {
	times, ok := o.ints(1)
	return sure(o.is(rows, constant) && ok && len(times) > 0 && times[0] == 1)
}

func pad(o operation) batching {
	sizes, ok := o.ints(1)
	return sure(o.inputs[0] == rows && o.firstOnly() && ok && len(sizes) >= 2 && sizes[0] == 0 && sizes[1] == 0)
}

func slice(o operation) batching {
	begin, ok1 := o.ints(1)
	size, ok2 := o.ints(2)
	return sure(o.is(rows, constant, constant) && ok1 && ok2 && len(begin) > 0 && begin[0] == 0 && size[0] == -1)
}

func stridedSlice(o operation) batching {
	if !o.firstOnly() {
		return mixed
	}
	begin, ok1 := o.ints(1)
	strides, ok2 := o.ints(3)
	if !ok1 || !ok2 || len(begin) == 0 {
		return mixed
	}
	first := func(mask string) bool { return o.integer(mask)&1 != 0 }
	switch o.inputs[0] {
	case rows:
		if first("ellipsis_mask") {
			return sure(len(begin)-1 < o.rank(0) && o.integer("new_axis_mask") == 0)
		}
		return sure(first("begin_mask") && first("end_mask") && strides[0] == 1 && !first("shrink_axis_mask") && !first("new_axis_mask"))
	case dimensions:
		shape, known := o.shape(o.tensors[0])
		if !known || len(begin) != 1 || strides[0] != 1 || first("ellipsis_mask") || first("new_axis_mask") {
			return mixed
		}
		from := begin[0]
		if first("begin_mask") {
			from = 0
		}
		return o.part(fromZero([]int64{from}, int(shape[0]))[0], first("shrink_axis_mask"))
	}
	return mixed
}

// part is what begins at a place of a shape.
func (o operation) part(from int64, one bool) batching {
	switch {
	case from > 0:
		return constant
	case from == 0 && one:
		return number
	case from == 0:
		return dimensions
	}
	return mixed
}

func gather(o operation) batching {
	axis, ok := o.axes(2, o.rank(0))
	if !ok || len(axis) != 1 || o.integer("batch_dims") != 0 || len(o.inputs) != 3 || o.inputs[2] != constant {
		return mixed
	}
	indices, known := o.ints(1)
	switch {
	case o.is(rows, constant, constant):
		return sure(axis[0] != 0)
	case o.is(constant, rows, constant):
		return sure(axis[0] == 0)
	case o.is(dimensions, constant, constant) && known:
		return o.picked(indices)
	}
	return mixed
}

// picked are some dimensions of a shape, or one.
func (o operation) picked(indices []int64) batching {
	form, known := o.shape(o.tensors[1])
	switch {
	case !known || len(form) > 1 || len(indices) == 0 || slices.Min(indices) < 0 || slices.Contains(indices[1:], 0):
		return mixed
	case indices[0] > 0:
		return constant
	case len(form) == 0:
		return number
	}
	return dimensions
}

func concat(o operation) batching {
	last := len(o.inputs) - 1
	axis, ok := o.axes(last, o.rank(0))
	if !ok || len(axis) != 1 {
		return mixed
	}
	values := o.inputs[:last]
	if axis[0] == 0 { // of parts of a shape
		return beginsWith(values, dimensions)
	}
	return sure(!slices.ContainsFunc(values, func(b batching) bool { return b != rows }))
}

// beginsWith is a shape whose first part is of a kind, and whose others are constant.
func beginsWith(values []batching, first batching) batching {
	if len(values) == 0 || values[0] != first || slices.ContainsFunc(values[1:], func(b batching) bool { return b != constant }) {
		return mixed
	}
	return dimensions
}

func pack(o operation) batching {
	if slices.Contains(o.inputs, number) {
		return beginsWith(o.inputs, number)
	}
	if beginsWith(o.inputs, multiple) == dimensions {
		return flatDimensions
	}
	rank := o.rank(0)
	axis := fromZero([]int64{o.integer("axis")}, rank+1)[0]
	return sure(rank > 0 && axis != 0 && !slices.ContainsFunc(o.inputs, func(b batching) bool { return b != rows }))
}

func split(o operation) batching { return sure(o.is(constant, rows) && o.along(0, o.rank(1))) }

func splitSizes(o operation) batching {
	return sure(o.is(rows, constant, constant) && o.along(2, o.rank(0)))
}

func unpack(o operation) batching {
	rank := o.rank(0)
	return sure(o.is(rows) && rank > 0 && fromZero([]int64{o.integer("axis")}, rank)[0] != 0)
}

// wholeNumbers are a tensor's values, if it has one to a few whole numbers.
func wholeNumbers(t *tensorpb.TensorProto) ([]int64, bool) {
	const most = 64
	size := 1
	for _, d := range t.GetTensorShape().GetDim() {
		size *= int(d.GetSize())
	}
	if t == nil || size < 0 || size > most {
		return nil, false
	}
	var values []int64
	content := t.GetTensorContent()
	switch t.GetDtype() {
	case typespb.DataType_DT_INT32:
		for ; len(content) >= 4; content = content[4:] {
			values = append(values, int64(int32(binary.LittleEndian.Uint32(content))))
		}
		for _, v := range t.GetIntVal() {
			values = append(values, int64(v))
		}
	case typespb.DataType_DT_INT64:
		for ; len(content) >= 8; content = content[8:] {
			values = append(values, int64(binary.LittleEndian.Uint64(content)))
		}
		values = append(values, t.GetInt64Val()...)
	default:
		return nil, false
	}
	if len(values) == 0 && size > 0 {
		values = []int64{0} // zeros are left out
	}
	for len(values) < size { // the last value is repeated
		values = append(values, values[len(values)-1])
	}
	return values, len(values) == size
}
