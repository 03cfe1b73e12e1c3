package servable

import (
	"fmt"

	tf "github.com/galeone/tensorflow/tensorflow/go"

	"fovea/projection"
	"fovea/recipe"
)

// project adds the projection of layers, tensors of shape [images x views, ...], where it changes them.
func (c *classifier) project(scope string, p *projection.Projection, layers []recipe.Layer, features []string) ([]string, error) {
	projected := make([]string, len(features))
	for i, l := range layers {
		projected[i] = features[i]
		if !p.How().Projects(l) {
			continue
		}
		m, err := p.Matrix(l)
		if err != nil {
			return nil, fmt.Errorf("project layer %s: %w", l.Name, err)
		}
		projected[i] = c.multiply(fmt.Sprintf("%s/%d", scope, i), m, c.reshape(float32Type, features[i], -1, l.Size()), l.Size(), p.How().Values)
	}
	return projected, nil
}

// multiply adds the product of a matrix and rows of so many inputs.
func (c *classifier) multiply(name string, m projection.Matrix, x string, inputs, values int) string {
	if m.Rows != nil {
		x = c.binary("Sub", float32Type, x, c.read(name+"/mean", m.Mean, inputs))
		return c.add("MatMul", "", []string{x, c.read(name+"/components", m.Rows, values, inputs)}, attributes{"T": typeOf(float32Type), "transpose_b": boolean(true)})
	}
	blocks := len(m.Indices) / values
	indices := c.readIndices(name+"/indices", m.Indices)
	picked := c.add("GatherV2", "", []string{x, indices, c.whole(1)}, attributes{"Tparams": typeOf(float32Type), "Tindices": typeOf(int64Type), "Taxis": typeOf(int32Type)})
	terms := c.binary("Mul", float32Type, c.reshape(float32Type, picked, -1, blocks, values), c.read(name+"/factors", m.Factors, blocks, values))
	return c.reduce("Sum", terms, 1, false)
}

// readIndices is read for whole numbers. They have 64 bits, because GPUs hold no variables of 32.
func (c *classifier) readIndices(name string, values []int32) string {
	wide := make([]int64, len(values))
	for i, v := range values {
		wide[i] = int64(v)
	}
	tensor, err := tf.NewTensor(wide)
	if err != nil && c.err == nil {
		c.err = err
	}
	handle := c.declare("head/"+name, int64Type, shapeOf(len(values)))
	c.variables = append(c.variables, variable{name: handle, kind: int64Type, value: tensor})
	return c.add("ReadVariableOp", "head/"+name+"/read", []string{handle}, attributes{"dtype": typeOf(int64Type)})
}
