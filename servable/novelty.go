package servable

import (
	"fmt"
	"math"

	"fovea/head"
)

// novelty adds the novelty of each image, of shape [images], as package head computes it from the same layers.
func (c *classifier) novelty(h *head.Head, features []string) string {
	n, blocks := h.Novelty, make([]string, len(features))
	for i, layer := range h.Layers {
		blocks[i] = c.unit(c.fold(head.FoldOf(layer), features[i], fmt.Sprintf("novelty/signs_%d", i)))
	}
	share := c.real(float32(1 / math.Sqrt(float64(len(blocks)))))
	x := c.binary("Mul", float32Type, c.join(blocks), share)
	known := c.read("novelty/known", n.Known.Data, n.Known.Rows, n.Known.Cols)
	cosines := c.add("MatMul", "", []string{x, known}, attributes{"T": typeOf(float32Type), "transpose_b": boolean(true)})
	nearest := c.add("TopKV2", "", []string{cosines, c.whole(n.Neighbors)}, attributes{"T": typeOf(float32Type), "sorted": boolean(true)})
	squares := c.binary("Mul", float32Type, c.real(2), c.binary("Sub", float32Type, c.real(1), nearest))
	distances := c.add("Sqrt", "", []string{c.binary("Maximum", float32Type, squares, c.real(0))}, attributes{"T": typeOf(float32Type)})
	return c.add("RealDiv", Novelty, []string{c.reduce("Mean", distances, 1, false), c.real(float32(n.Cutoff))}, attributes{"T": typeOf(float32Type)})
}

// fold adds the sums that describe a layer.
func (c *classifier) fold(f head.Fold, x, signs string) string {
	if f.Positions > 1 {
		x = c.reduce("Mean", c.reshape(float32Type, x, -1, f.Positions, f.Channels), 1, false)
	}
	if f.Signs == nil {
		return x
	}
	x = c.binary("Mul", float32Type, x, c.read(signs, f.Signs, f.Channels))
	parts := (f.Channels + f.Width - 1) / f.Width
	if rest := parts*f.Width - f.Channels; rest > 0 {
		paddings := c.reshape(int32Type, c.wholes(0, 0, 0, rest), 2, 2)
		x = c.add("Pad", "", []string{x, paddings}, attributes{"T": typeOf(float32Type), "Tpaddings": typeOf(int32Type)})
	}
	return c.reduce("Sum", c.reshape(float32Type, x, -1, parts, f.Width), 1, false)
}
