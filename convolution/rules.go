package convolution

import (
	"slices"
	"strings"
)

// rules say how an operation's outputs depend on the batch. Operations without a rule are assumed
// to mix images.
var rules = func() map[string]func(operation) batching {
	all := map[string]func(operation) batching{
		"FusedBatchNorm": batchNorm, "FusedBatchNormV2": batchNorm, "FusedBatchNormV3": batchNorm,
		"MatMul": product, "BatchMatMul": batchProduct, "BatchMatMulV2": batchProduct, "BatchMatMulV3": batchProduct, "Einsum": einsum,
		"Conv2DBackpropInput": transposedConvolution,
		"SpaceToBatchND":      spaceToBatch, "SpaceToBatch": spaceToBatch, "BatchToSpaceND": batchToSpace, "BatchToSpace": batchToSpace,
		"IdentityN": identities,
		"Shape":     dimensionsOf, "Rank": func(operation) batching { return constant },
		"Reshape": reshape, "Squeeze": squeeze, "ExpandDims": expandDims, "Transpose": transpose,
		"BroadcastTo": broadcastTo, "Fill": fill, "Tile": tile, "Pad": pad, "PadV2": pad, "MirrorPad": pad,
		"Slice": slice, "StridedSlice": stridedSlice, "GatherV2": gather,
		"ConcatV2": concat, "Pack": pack, "Split": split, "SplitV": splitSizes, "Unpack": unpack,
	}
	add := func(rule func(operation) batching, names string) {
		for _, name := range strings.Fields(names) {
			all[name] = rule
		}
	}
	add(elementwise, `Identity StopGradient PreventGradient Snapshot CheckNumerics Cast Relu Relu6 LeakyRelu Elu Selu Softplus Softsign
		Sigmoid Tanh Exp Expm1 Log Log1p Sqrt Rsqrt Square Abs Neg Sign Reciprocal Inv Floor Ceil Round Rint Sin Cos Tan Atan Asin Acos
		Sinh Cosh Erf Erfc IsNan IsInf IsFinite LogicalNot ZerosLike OnesLike ClipByValue
		Add AddV2 AddN Sub Mul MulNoNan Div DivNoNan RealDiv FloorDiv FloorMod Mod TruncateDiv Maximum Minimum Pow SquaredDifference Xdivy
		Xlogy Atan2 Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr SelectV2`)
	// Of their inputs, only the first has pictures.
	add(local, `Conv2D DepthwiseConv2dNative Dilation2D MaxPool MaxPoolV2 AvgPool BiasAdd BiasAddV1 LRN DepthToSpace SpaceToDepth
		ExtractImagePatches ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea ScaleAndTranslate`)
	all["Prod"] = productOf
	add(reduction, "Mean Sum Max Min All Any ArgMax ArgMin ReverseV2 Cumsum Cumprod EuclideanNorm")
	add(lastAxis, "Softmax LogSoftmax TopKV2")
	return all
}()

// copies are the operations through which a shape is still that of the batch.
var copies = map[string]bool{"Identity": true, "Cast": true, "Snapshot": true, "StopGradient": true, "PreventGradient": true}

// elementwise operations broadcast: the batch must be the first dimension of every input that has
// it.
func elementwise(o operation) batching {
	of := constant
	for _, b := range o.inputs {
		switch {
		case b == constant || b == of:
		case of == constant:
			of = b
		default:
			return mixed
		}
	}
	if len(o.inputs) == 1 && (of <= flat || copies[o.node.GetOp()]) {
		return of
	}
	if of != rows && of != blocks && of != flat {
		return mixed // such as a loss over the number of images
	}
	return o.broadcast(of)
}

// identities have a constant output for each constant input, but nobody reads it: see source.
func identities(o operation) batching {
	skipped := len(o.inputs) == len(o.node.GetInput())
	return sure(!slices.ContainsFunc(o.inputs, func(b batching) bool { return b != rows && (b != constant || !skipped) }))
}

// broadcast is of, if all inputs that have images have the same rank, and no other input varies
// along the batch.
func (o operation) broadcast(of batching) batching {
	rank := -1
	for i, b := range o.inputs {
		if b == constant {
			continue
		}
		r := o.rank(i)
		if r < 1 || (rank >= 0 && r != rank) {
			return mixed
		}
		rank = r
	}
	for i, b := range o.inputs {
		if b != constant {
			continue
		}
		shape, known := o.shape(o.tensors[i])
		if !known || len(shape) > rank || (len(shape) == rank && shape[0] != 1) {
			return mixed
		}
	}
	return of
}

func local(o operation) batching {
	if !o.firstOnly() || (o.inputs[0] != rows && o.inputs[0] != blocks && o.inputs[0] != flat) {
		return mixed
	}
	for _, window := range []string{"ksize", "strides", "ksizes"} {
		if list := o.node.GetAttr()[window].GetList().GetI(); len(list) > 0 && list[0] != 1 {
			return mixed
		}
	}
	return o.inputs[0]
}

// batchNorm in training computes mean and variance over the batch.
func batchNorm(o operation) batching {
	training, found := o.node.GetAttr()["is_training"]
	if !found || training.GetB() {
		return mixed
	}
	return local(o)
}

func product(o operation) batching {
	if (!o.is(rows, constant) && !o.is(flat, constant)) || o.flag("transpose_a") {
		return mixed
	}
	return o.inputs[0]
}

func batchProduct(o operation) batching {
	for i, b := range o.inputs {
		if b != constant && (b != rows || o.rank(i) < 3) {
			return mixed
		}
	}
	return o.broadcast(rows)
}

// einsum has the batch as the first letter of every input with images, and nowhere else.
func einsum(o operation) batching {
	terms, result, found := strings.Cut(string(o.node.GetAttr()["equation"].GetS()), "->")
	parts := strings.Split(terms, ",")
	if !found || len(parts) != len(o.inputs) || result == "" || strings.Contains(terms, ".") {
		return mixed
	}
	letter := result[:1]
	for i, part := range parts {
		first, only := strings.HasPrefix(part, letter), strings.Count(part, letter)
		if (o.inputs[i] == rows && (!first || only != 1)) || (o.inputs[i] == constant && only != 0) || o.inputs[i] > rows {
			return mixed
		}
	}
	return rows
}

func transposedConvolution(o operation) batching { return sure(o.is(dimensions, constant, rows)) }

func spaceToBatch(o operation) batching {
	if o.inputs[0] == rows && o.firstOnly() {
		return blocks
	}
	return mixed
}

func batchToSpace(o operation) batching { return sure(o.inputs[0] == blocks && o.firstOnly()) }

func dimensionsOf(o operation) batching {
	if o.is(rows) {
		return dimensions
	}
	return mixed
}

func reduction(o operation) batching { return sure(o.is(rows, constant) && o.along(1, o.rank(0))) }

// productOf multiplies the dimensions of a shape, or is a reduction.
func productOf(o operation) batching {
	if axes, ok := o.ints(1); o.is(dimensions, constant) && ok && slices.Equal(axes, []int64{0}) && !o.flag("keep_dims") {
		return multiple
	}
	return reduction(o)
}

func lastAxis(o operation) batching {
	return sure(o.inputs[0] == rows && o.firstOnly() && o.rank(0) >= 2)
}
