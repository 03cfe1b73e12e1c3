package projection

import (
	"fmt"
	"math"
	"strings"

	"fovea/recipe"
)

// fitted are the principal components of layers.
type fitted struct {
	// of is the recipe of what was fitted, with the layers before the projection.
	of     recipe.Recipe
	images int
	layers []components
}

// components are those of one layer.
type components struct {
	inputs, values int
	mean           []float32
	// rows has a row of inputs for each component, of unit length, by falling variance. Its largest coefficient in
	// magnitude is positive, as in scikit-learn.
	rows []float32
	// variances are those along the components (divided by the number of images - 1); total is that of all values, summed.
	variances []float64
	total     float64
	whiten    bool
}

// find gives the components of a layer.
func (f *fitted) find(l recipe.Layer) (*components, error) {
	for i, have := range f.of.Layers {
		if have.Name != l.Name {
			continue
		}
		if have.Size() != l.Size() {
			return nil, fmt.Errorf("%w: it was fitted on %d values of layer %s, and here there are %d", ErrUnsuitable, have.Size(), l.Name, l.Size())
		}
		return &f.layers[i], nil
	}
	return nil, fmt.Errorf("%w: it was fitted on layers %s, not on %s", ErrUnsuitable, strings.Join(f.of.LayerNames(), ", "), l.Name)
}

// factor is what a component's result is multiplied by.
func (c *components) factor(i int) float64 {
	if c.whiten {
		return 1 / math.Sqrt(c.variances[i])
	}
	return 1
}

// scaled are the rows times their factors.
func (c *components) scaled() []float32 {
	all := make([]float32, len(c.rows))
	for i, v := range c.rows {
		all[i] = float32(float64(v) * c.factor(i/c.inputs))
	}
	return all
}

// lanes is the number of sums that a product of rows is computed in.
const lanes = 4

// apply projects one vector, in float64 and always in the same order.
func (c *components) apply(out, x []float32) {
	centered := make([]float64, c.inputs)
	for i, v := range x[:c.inputs] {
		centered[i] = float64(v) - float64(c.mean[i])
	}
	for j := range c.values {
		out[j] = float32(dot(centered, c.rows[j*c.inputs:(j+1)*c.inputs]) * c.factor(j))
	}
}

// dot multiplies in four sums. The conversions keep compilers from fusing, which would depend on the machine.
func dot(x []float64, row []float32) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+lanes <= len(row); i += lanes {
		a, b := x[i:i+lanes:i+lanes], row[i:i+lanes:i+lanes]
		s0 += float64(a[0] * float64(b[0]))
		s1 += float64(a[1] * float64(b[1]))
		s2 += float64(a[2] * float64(b[2]))
		s3 += float64(a[3] * float64(b[3]))
	}
	for ; i < len(row); i++ {
		s0 += float64(x[i] * float64(row[i]))
	}
	return (s0 + s1) + (s2 + s3)
}
