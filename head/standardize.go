package head

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Scaling says how columns are brought to a common scale.
type Scaling string

const (
	// ScaleCommon divides all columns of a block by the mean of their standard deviations, which
	// preserves their relative scales. Features of one layer are commensurate, and the rare, weak ones
	// are mostly noise, which ScaleColumns would amplify: this measurably gives better heads, and is the
	// default.
	ScaleCommon Scaling = "common"
	// ScaleColumns divides each column by its own standard deviation.
	ScaleColumns Scaling = "columns"
	// ScaleUnit first divides each row (of each block) by its Euclidean norm, then scales like
	// ScaleCommon: only the proportions of the features count, as in the paper's own classifiers.
	ScaleUnit Scaling = "l2"
	// ScaleSqrt first takes the square root of each value, of negative ones that of the absolute value with the
	// sign, then scales like ScaleUnit. Features that are sums of rectified values have a few large values, which
	// decide distances; the root evens them out (Perronnin et al., "Improving the Fisher Kernel", 2010).
	ScaleSqrt Scaling = "sqrt"
)

// Standardization is applied to each row before the weights.
type Standardization struct {
	// Sqrt says that each value is first replaced by its square root, with its sign. It requires Unit.
	Sqrt bool
	// Unit says that rows are then divided by their Euclidean norms, each block by its own.
	Unit bool
	// Blocks are those of the Matrix, if there is more than one.
	Blocks []int
	// Mean is subtracted from a column, Scale multiplies the result; it is 0 for a constant column.
	Mean, Scale []float32
}

// ErrConstant marks rows that are all equal.
var ErrConstant error = unlearnable{errors.New("head: all rows are equal: there is nothing to learn from")}

// standardize computes the means and scales of the columns, in two passes in float64.
func standardize(m Matrix, scaling Scaling) (Standardization, error) {
	switch scaling {
	case "", ScaleCommon, ScaleColumns, ScaleUnit, ScaleSqrt:
	default:
		return Standardization{}, fmt.Errorf("head: unknown scaling %q: use common, columns, l2 or sqrt", scaling)
	}
	s := Standardization{Mean: make([]float32, m.Cols), Scale: make([]float32, m.Cols)}
	s.Sqrt, s.Unit = scaling == ScaleSqrt, scaling == ScaleUnit || scaling == ScaleSqrt
	if len(m.Blocks) > 1 {
		s.Blocks = slices.Clone(m.Blocks)
	}
	data := m.Data
	if s.Unit {
		var err error
		if data, err = m.floats(len(data)); err != nil {
			return s, err
		}
		defer m.free(data)
		for i := range m.Rows {
			s.unit(data[i*m.Cols:(i+1)*m.Cols], m.Row(i))
		}
	}
	mean, deviation := moments(m.Cols, m.Cols, m.Rows, data)
	for j := range deviation {
		// Rounding alone makes the deviation of a constant column about 1e-7 of its mean.
		if deviation[j] <= 1e-6*math.Abs(mean[j]) {
			deviation[j] = 0
		}
		s.Mean[j] = float32(mean[j])
	}
	if !s.scale(deviation, scaling == ScaleColumns) {
		return s, ErrConstant
	}
	return s, nil
}

// scale makes the scales of deviations: of each column its own, or of each block their mean. It is false if all are 0.
func (s *Standardization) scale(deviation []float64, own bool) (varying bool) {
	for start, end := range s.blocks() {
		common := meanOfPositive(deviation[start:end])
		varying = varying || common > 0
		for j := start; j < end; j++ {
			switch {
			case deviation[j] == 0:
			case own:
				s.Scale[j] = inverse(deviation[j])
			default:
				s.Scale[j] = inverse(common)
			}
		}
	}
	return varying
}

// inverse is 1 / deviation, or the largest float32 if that has no room for it: of infinite ones come scores that are none.
func inverse(deviation float64) float32 { return float32(min(1/deviation, math.MaxFloat32)) }

// Constant is the number of columns with the same value in all training rows, from which nothing can
// be learned.
func (s Standardization) Constant() int {
	n := 0
	for _, scale := range s.Scale {
		if scale == 0 {
			n++
		}
	}
	return n
}

// meanOfPositive is the mean of the positive values, 0 if there are none.
func meanOfPositive(values []float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range values {
		if v > 0 {
			sum += v
			n++
		}
	}
	return sum / max(n, 1)
}

// blocks are the columns from start to end that belong together.
func (s Standardization) blocks() iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		if len(s.Blocks) == 0 {
			yield(0, len(s.Mean))
			return
		}
		start := 0
		for _, width := range s.Blocks {
			if !yield(start, start+width) {
				return
			}
			start += width
		}
	}
}

// unit divides each block of a row, or of its square roots, by its Euclidean norm into dst.
func (s Standardization) unit(dst, row []float32) {
	if s.Sqrt {
		roots(dst, row)
		row = dst[:len(row)]
	}
	for start, end := range s.blocks() {
		unitNorm(dst[start:end], row[start:end])
	}
}

// A goroutine computes the moments of momentCols columns at a time. All of them finish momentRows rows
// before any goes on to the next ones, so that rows are read only once from slow memory.
const (
	momentCols = 256
	momentRows = 1024
)

// moments computes the mean and the (population) standard deviation of each column.
func moments(stride, cols, rows int, data []float32) (mean, deviation []float64) {
	mean, deviation = make([]float64, cols), make([]float64, cols)
	n := float64(rows)
	eachPart(rows, cols, func(first, last, start, end int) {
		m := mean[start:end]
		for i := first; i < last; i++ {
			for j, v := range data[i*stride+start : i*stride+end] {
				m[j] += float64(v)
			}
		}
	})
	for j := range mean {
		mean[j] /= n
	}
	eachPart(rows, cols, func(first, last, start, end int) {
		m, d := mean[start:end], deviation[start:end]
		for i := first; i < last; i++ {
			for j, v := range data[i*stride+start : i*stride+end] {
				e := float64(v) - m[j]
				d[j] += e * e
			}
		}
	})
	for j := range deviation {
		deviation[j] = math.Sqrt(deviation[j] / n)
	}
	return mean, deviation
}

// eachPart calls part for the parts of a table: rows in sequence, columns in parallel.
func eachPart(rows, cols int, part func(firstRow, lastRow, start, end int)) {
	for first := 0; first < rows; first += momentRows {
		var group errgroup.Group
		group.SetLimit(allCPUs())
		for start := 0; start < cols; start += momentCols {
			group.Go(func() error {
				part(first, min(first+momentRows, rows), start, min(start+momentCols, cols))
				return nil
			})
		}
		_ = group.Wait() // computing cannot fail
	}
}

// apply standardizes a row into dst.
func (s Standardization) apply(dst, row []float32) {
	if s.Unit {
		s.unit(dst, row)
		row = dst[:len(row)]
	}
	for j, v := range row {
		dst[j] = (v - s.Mean[j]) * s.Scale[j]
	}
}

// roots takes the square roots of the absolute values, with their signs, into dst.
func roots(dst, row []float32) {
	for j, v := range row {
		root := math.Sqrt(math.Abs(float64(v)))
		dst[j] = float32(math.Copysign(root, float64(v)))
	}
}

// unitNorm divides a row by its Euclidean norm into dst. A row of zeros stays zero.
func unitNorm(dst, row []float32) {
	sum := 0.0
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	factor := 0.0
	if sum > 0 {
		factor = 1 / math.Sqrt(sum)
	}
	for j, v := range row {
		dst[j] = float32(float64(v) * factor)
	}
}

// all standardizes all rows. The table has room for a multiple of quad rows.
func (s Standardization) all(m Matrix) (dense, error) {
	stride := padded(m.Cols, lane)
	data, err := m.floats(padded(m.Rows, quad) * stride)
	if err != nil {
		return dense{}, err
	}
	out := dense{m.Rows, m.Cols, stride, data}
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for start := 0; start < m.Rows; start += 256 {
		group.Go(func() error {
			for i := start; i < min(start+256, m.Rows); i++ {
				s.apply(out.row(i), m.Row(i))
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	return out, nil
}
