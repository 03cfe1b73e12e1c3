package projection

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"fovea/recipe"
)

const (
	// mostInputs is the longest layer that is fitted: VGG's pool5 is, with 25,088 values.
	mostInputs = 1 << 15
	// mostBytes bounds what all layers take while they are fitted.
	mostBytes = 2 << 30
	// leastVariance is the smallest along a component, relative to the largest: what is below is rounding.
	leastVariance = 1e-9
)

// Fitter finds the principal components of layers, a batch of images at a time, as scikit-learn's IncrementalPCA does
// (Ross, Lim, Lin and Yang, "Incremental learning for robust visual tracking", 2008).
type Fitter struct {
	how    recipe.Projection
	of     recipe.Recipe
	layers []*fitting // in the order of the recipe, nil for those that stay as they are
	batch  int
	images int
}

// fitting is one layer's.
type fitting struct {
	cols int
	rows []float64 // of the batch
	// seen is the number of images in the fields below.
	seen       int
	mean       []float64
	components *mat.Dense // a row for each
	singular   []float64
	squares    float64 // of all centered values, summed
}

// Images is the number of images that p should be fitted on, if there are as many.
func Images(how recipe.Projection) int { return max(2000, 10*how.Values) }

// NewFitter begins to fit a projection on features of a recipe, which says what they are before the projection.
func NewFitter(how recipe.Projection, of recipe.Recipe) (*Fitter, error) {
	f := &Fitter{how: how, of: of, batch: max(256, 2*how.Values), layers: make([]*fitting, len(of.Layers))}
	bytes := 0
	for i, l := range of.Layers {
		if !how.Projects(l) {
			continue
		}
		if l.Size() > mostInputs {
			return nil, fmt.Errorf("%w: layer %s has %d values, and principal components are found of at most %d: pool it, as with avg, or use a sparse random projection, which takes any layer", ErrUnsuitable, l.Name, l.Size(), mostInputs)
		}
		bytes += 8 * l.Size() * (3*f.batch + 2*how.Values)
		f.layers[i] = &fitting{cols: l.Size()}
	}
	if bytes > mostBytes {
		return nil, fmt.Errorf("%w: to find %d principal components of these layers takes %.1f GB: pool them, as with avg, use fewer components or layers, or a sparse random projection", ErrUnsuitable, how.Values, float64(bytes)/1e9)
	}
	return f, nil
}

// Add takes the features of an image, a slice for each layer.
func (f *Fitter) Add(features [][]float32) error {
	if len(features) != len(f.layers) {
		return fmt.Errorf("projection: features of %d layers for %d", len(features), len(f.layers))
	}
	f.images++
	for i, l := range f.layers {
		if l == nil {
			continue
		}
		if len(features[i]) != l.cols {
			return fmt.Errorf("projection: %d values of layer %s, which has %d", len(features[i]), f.of.Layers[i].Name, l.cols)
		}
		for _, v := range features[i] {
			l.rows = append(l.rows, float64(v))
		}
		if len(l.rows) == f.batch*l.cols {
			if err := l.update(f.how.Values); err != nil {
				return fmt.Errorf("projection: layer %s: %w", f.of.Layers[i].Name, err)
			}
		}
	}
	return nil
}

// Fit gives the projection.
func (f *Fitter) Fit() (*Projection, error) {
	if f.images <= f.how.Values {
		return nil, fmt.Errorf("%w: %d principal components need more images than that, and %d could be read: use fewer components", ErrUnsuitable, f.how.Values, f.images)
	}
	p := &Projection{how: f.how, fitted: &fitted{of: f.of, images: f.images}}
	p.fitted.of.Layers = nil
	for i, l := range f.layers {
		if l == nil {
			continue
		}
		name := f.of.Layers[i].Name
		if err := l.update(f.how.Values); err != nil {
			return nil, fmt.Errorf("projection: layer %s: %w", name, err)
		}
		c, err := l.finish(f.how)
		if err != nil {
			return nil, fmt.Errorf("%w: layer %s: %w", ErrUnsuitable, name, err)
		}
		p.fitted.of.Layers = append(p.fitted.of.Layers, f.of.Layers[i])
		p.fitted.layers = append(p.fitted.layers, c)
	}
	return p, p.seal()
}

// update takes the batch into the mean and the components.
func (l *fitting) update(values int) error {
	n := len(l.rows) / l.cols
	if n == 0 {
		return nil
	}
	batchMean := make([]float64, l.cols)
	for r := range n {
		for j, v := range l.rows[r*l.cols : (r+1)*l.cols] {
			batchMean[j] += v / float64(n)
		}
	}
	for r := range n {
		row := l.rows[r*l.cols : (r+1)*l.cols]
		for j := range row {
			row[j] -= batchMean[j]
			l.squares += row[j] * row[j]
		}
	}
	rows := l.rows
	if l.seen == 0 {
		l.mean = batchMean
	} else {
		rows = append(rows, l.correct(batchMean, n)...)
		for i, s := range l.singular {
			for _, v := range l.components.RawRowView(i) {
				rows = append(rows, s*v)
			}
		}
	}
	l.seen += n
	err := l.decompose(mat.NewDense(len(rows)/l.cols, l.cols, rows), values)
	l.rows = l.rows[:0]
	return err
}

// correct moves the mean, and returns the row that stands for the distance of the two means.
func (l *fitting) correct(batchMean []float64, n int) []float64 {
	before, total := float64(l.seen), float64(l.seen+n)
	factor := math.Sqrt(before / total * float64(n))
	row := make([]float64, l.cols)
	for j, m := range batchMean {
		row[j] = factor * (l.mean[j] - m)
		l.squares += row[j] * row[j]
		l.mean[j] += (m - l.mean[j]) * float64(n) / total
	}
	return row
}

// decompose finds the largest singular values of the matrix and the directions that they belong to, from the products of
// all pairs of its rows or its columns, whichever are fewer.
func (l *fitting) decompose(a *mat.Dense, values int) error {
	rows, cols := a.Dims()
	short := min(rows, cols)
	var product mat.Dense
	if rows <= cols {
		product.Mul(a, a.T())
	} else {
		product.Mul(a.T(), a)
	}
	symmetric := mat.NewSymDense(short, nil)
	for i := range short {
		for j := i; j < short; j++ {
			symmetric.SetSym(i, j, product.At(i, j))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, true) {
		return errors.New("the principal components were not found")
	}
	squares := eigen.Values(nil) // ascending
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	keep := min(values, short)
	l.singular = make([]float64, keep)
	best := vectors.Slice(0, short, short-keep, short)
	var directions mat.Dense
	if rows <= cols {
		directions.Mul(best.T(), a)
	} else {
		directions.CloneFrom(best.T())
	}
	l.components = mat.NewDense(keep, l.cols, nil)
	for i := range keep {
		l.singular[i] = math.Sqrt(max(0, squares[short-1-i]))
		l.components.SetRow(i, unit(directions.RawRowView(keep-1-i)))
	}
	return nil
}

// unit gives a vector the length 1, and its largest coefficient in magnitude a positive sign.
func unit(v []float64) []float64 {
	sum, largest := 0.0, 0.0
	for _, x := range v {
		sum += x * x
		if math.Abs(x) > math.Abs(largest) {
			largest = x
		}
	}
	factor := 1 / math.Sqrt(sum)
	if largest < 0 {
		factor = -factor
	}
	if sum == 0 {
		factor = 0
	}
	for i := range v {
		v[i] *= factor
	}
	return v
}

// finish rounds the components to float32.
func (l *fitting) finish(how recipe.Projection) (components, error) {
	c := components{inputs: l.cols, values: how.Values, whiten: how.Whiten, total: l.squares / float64(l.seen-1)}
	for i, s := range l.singular {
		variance := s * s / float64(l.seen-1)
		if first := l.singular[0]; !(s*s > leastVariance*first*first) {
			return c, fmt.Errorf("the images vary in only %d directions: use at most as many components", i)
		}
		c.variances = append(c.variances, variance)
		for _, v := range l.components.RawRowView(i) {
			c.rows = append(c.rows, float32(v))
		}
	}
	for _, v := range l.mean {
		c.mean = append(c.mean, float32(v))
	}
	return c, nil
}
