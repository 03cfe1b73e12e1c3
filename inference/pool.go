package inference

import (
	"fmt"
	"strings"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/galeone/tensorflow/tensorflow/go/op"

	"fovea/recipe"
)

// checkPool refuses poolings that the layer's shape does not allow.
func checkPool(name string, layer Layer, pool recipe.Pooling) error {
	switch pool.Kind {
	case recipe.PoolClass:
		if !layer.Tokens() {
			return fmt.Errorf("inference: %w: layer %s has height and width, but no class token for pooling %q: use none, avg or max", ErrPooling, name, pool)
		}
	case recipe.PoolRMAC, recipe.PoolSPP:
		if !layer.Spatial() || layer.Shape[0] < 1 || layer.Shape[1] < 1 {
			return fmt.Errorf("inference: %w: layer %s has no height and width for pooling %q: use none, avg, max, gem or gram", ErrPooling, name, pool)
		}
		if side := min(layer.Shape[0], layer.Shape[1]); pool.Kind == recipe.PoolSPP && pool.Levels[len(pool.Levels)-1] > side {
			return fmt.Errorf("inference: %w: layer %s of %dx%d has no grid of %d cells a side for pooling %q: use grids of up to %d", ErrPooling, name, layer.Shape[0], layer.Shape[1], pool.Levels[len(pool.Levels)-1], pool, side)
		}
	case recipe.PoolGram:
		if channels := layer.Shape[len(layer.Shape)-1]; channels > mostGramChannels {
			return fmt.Errorf("inference: %w: layer %s has %d channels, whose Gram matrix is too large: pooling %q is for up to %d", ErrPooling, name, channels, pool, mostGramChannels)
		}
	}
	return nil
}

// mostGramChannels bounds a Gram matrix to 8.4 million values, 34 MB an image.
const mostGramChannels = 4096

// pooler adds a pooling of a layer's tensor to the graph. Shapes are the layer's, not the tensor's: our own operations
// do not declare them.
type pooler struct {
	*op.Scope
	layer Layer
	x     tf.Output
}

// pool adds what pooling needs several operations.
func (p pooler) pool(pool recipe.Pooling) tf.Output {
	switch pool.Kind {
	case recipe.PoolGeM:
		return p.generalizedMean(float32(pool.Power))
	case recipe.PoolSPP:
		return p.pyramid(pool.Levels)
	case recipe.PoolGram:
		return p.gram()
	}
	return p.regions()
}

// step is a scope of its own for an operation, since two of a kind in one scope would have one name.
func (p pooler) step() *op.Scope { return p.SubScope("step") }

func (p pooler) real(v float32) tf.Output { return op.Const(p.SubScope("real"), v) }

func (p pooler) wholes(values ...int32) tf.Output { return op.Const(p.SubScope("wholes"), values) }

// positions are the axes between the batch and the channels.
func (p pooler) positions() tf.Output { return p.wholes([]int32{1, 2}[:len(p.layer.Shape)-1]...) }

func (p pooler) channels() int { return p.layer.Shape[len(p.layer.Shape)-1] }

// generalizedMean divides by the largest value first, so that no power overflows.
func (p pooler) generalizedMean(power float32) tf.Output {
	positive := op.Maximum(p.step(), p.x, p.real(1e-6))
	most := op.Max(p.step(), positive, p.positions(), op.MaxKeepDims(true))
	shares := op.Pow(p.step(), op.Div(p.step(), positive, most), p.real(power))
	root := op.Pow(p.step(), op.Mean(p.step(), shares, p.positions()), p.real(1/power))
	return op.Mul(p.step(), root, op.Reshape(p.step(), most, p.wholes(-1, int32(p.channels()))))
}

// most is the largest value of each channel in a part of the map.
func (p pooler) most(top, left, height, width int) tf.Output {
	part := op.Slice(p.step(), p.x, p.wholes(0, int32(top), int32(left), 0), p.wholes(-1, int32(height), int32(width), -1))
	return op.Max(p.step(), part, p.wholes(1, 2))
}

// pyramid takes cells from the floor of their beginning to the ceiling of their end, so that they cover the map.
func (p pooler) pyramid(levels []int) tf.Output {
	var cells []tf.Output
	height, width := p.layer.Shape[0], p.layer.Shape[1]
	for _, n := range levels {
		for row := range n {
			top, bottom := row*height/n, ((row+1)*height+n-1)/n
			for column := range n {
				left, right := column*width/n, ((column+1)*width+n-1)/n
				cells = append(cells, p.most(top, left, bottom-top, right-left))
			}
		}
	}
	if len(cells) == 1 {
		return cells[0]
	}
	return op.ConcatV2(p.step(), cells, op.Const(p.SubScope("axis"), int32(1)))
}

// gram multiplies all pairs of channels.
func (p pooler) gram() tf.Output {
	channels, positions := p.channels(), 1
	for _, d := range p.layer.Shape[:len(p.layer.Shape)-1] {
		positions *= d
	}
	flat := op.Reshape(p.step(), p.x, p.wholes(-1, int32(positions), int32(channels)))
	products := op.BatchMatMulV2(p.step(), flat, flat, op.BatchMatMulV2AdjX(true))
	all := op.Reshape(p.step(), op.Div(p.step(), products, p.real(float32(positions))), p.wholes(-1, int32(channels*channels)))
	var upper []int32
	for row := range channels {
		for column := row; column < channels; column++ {
			upper = append(upper, int32(row*channels+column))
		}
	}
	return op.GatherV2(p.step(), all, p.wholes(upper...), op.Const(p.SubScope("axis"), int32(1)))
}

// regions sums the maxima of the whole map and of the regions of three scales, each of length 1.
func (p pooler) regions() tf.Output {
	height, width := p.layer.Shape[0], p.layer.Shape[1]
	sum := []tf.Output{p.unit(p.most(0, 0, height, width))}
	for _, r := range regionsOf(height, width) {
		sum = append(sum, p.unit(p.most(r.top, r.left, r.side, r.side)))
	}
	return op.AddN(p.step(), sum)
}

// unit divides vectors by their length.
func (p pooler) unit(x tf.Output) tf.Output {
	length := op.Sqrt(p.step(), op.Sum(p.step(), op.Square(p.step(), x), p.wholes(1), op.SumKeepDims(true)))
	return op.Div(p.step(), x, op.Add(p.step(), length, p.real(1e-6)))
}

// region is a square part of a map.
type region struct{ top, left, side int }

// regionsOf are the regions of Tolias, Sicre and Jégou, "Particular object retrieval with integral max-pooling of CNN
// activations", as cnnimageretrieval-pytorch places them: of scale l, squares with a side of 2/(l+1) of the shorter side,
// l along that and as many along the longer one as overlap by about 40 % at scale 1.
func regionsOf(height, width int) (regions []region) {
	shorter := min(height, width)
	more, best := 0, 0.0
	for steps := 2; steps <= 7; steps++ { // regions along the longer side
		apart := float64(max(height, width)-shorter) / float64(steps-1)
		off := abs((float64(shorter)-apart)/float64(shorter) - 0.4)
		if steps == 2 || off < best {
			more, best = steps-1, off
		}
	}
	for scale := 1; scale <= 3; scale++ {
		side := 2 * shorter / (scale + 1)
		if side == 0 {
			continue
		}
		along := func(length int, longer bool) (begins []int) {
			n := scale
			if longer {
				n += more
			}
			for i := range n {
				begins = append(begins, i*(length-side)/max(1, n-1))
			}
			return begins
		}
		for _, top := range along(height, height > width) {
			for _, left := range along(width, width > height) {
				regions = append(regions, region{top, left, side})
			}
		}
	}
	return regions
}

func abs(x float64) float64 { return max(x, -x) }

// poolName is the name of a pooling's operations, which have no colons and commas.
func poolName(pool recipe.Pooling) string {
	return strings.NewReplacer(":", "_", ",", "_").Replace(pool.String())
}
