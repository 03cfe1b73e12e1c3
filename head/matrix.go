package head

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// Matrix holds one row of features per picture, row after row.
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// Row is a view of row i.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// validate refuses what cannot be computed with.
func (m Matrix) validate() error {
	if m.Rows < 0 || m.Cols < 1 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("head: %d values are not %d rows of %d", len(m.Data), m.Rows, m.Cols)
	}
	for i, v := range m.Data {
		if math.Float32bits(v)&0x7f800000 == 0x7f800000 {
			return fmt.Errorf("head: value %d of row %d is %v: extract the features again", i%m.Cols, i/m.Cols, v)
		}
	}
	return nil
}

// Scaling is how columns are brought to a common size.
type Scaling string

const (
	// ScaleCommon divides all columns by the mean of their standard deviations, so that
	// they keep their sizes relative to each other. Features of one layer are commensurate,
	// and the rare, weak ones among them are mostly noise, which ScaleColumns would blow
	// up: this is measurably better, and the default.
	ScaleCommon Scaling = "common"
	// ScaleColumns divides each column by its own standard deviation.
	ScaleColumns Scaling = "columns"
)

// Standardization is what is done to each column before weights are applied.
type Standardization struct {
	// Mean is taken off, Scale multiplies: it is 0 for a constant column.
	Mean, Scale []float32
}

// errConstant says that there is nothing to learn from.
var errConstant = errors.New("head: all rows are alike: there is nothing to learn from")

// standardize computes means and scales of the given rows, in two passes in float64.
func standardize(m Matrix, rows []int, scaling Scaling) (Standardization, error) {
	mean, deviation := make([]float64, m.Cols), make([]float64, m.Cols)
	for _, i := range rows {
		for j, v := range m.Row(i) {
			mean[j] += float64(v)
		}
	}
	n := float64(len(rows))
	for j := range mean {
		mean[j] /= n
	}
	for _, i := range rows {
		for j, v := range m.Row(i) {
			d := float64(v) - mean[j]
			deviation[j] += d * d
		}
	}
	common, varying := 0.0, 0.0
	for j := range deviation {
		deviation[j] = math.Sqrt(deviation[j] / n)
		// Rounding alone makes the deviation of a constant column about 1e-7 of its mean.
		if deviation[j] <= 1e-6*math.Abs(mean[j]) {
			deviation[j] = 0
			continue
		}
		common += deviation[j]
		varying++
	}
	s := Standardization{Mean: make([]float32, m.Cols), Scale: make([]float32, m.Cols)}
	if varying == 0 {
		return s, errConstant
	}
	common /= varying
	for j, own := range deviation {
		s.Mean[j] = float32(mean[j])
		switch {
		case own == 0:
		case scaling == ScaleColumns:
			s.Scale[j] = float32(1 / own)
		default:
			s.Scale[j] = float32(1 / common)
		}
	}
	return s, nil
}

// apply standardizes a row into dst.
func (s Standardization) apply(dst, row []float32) {
	for j, v := range row {
		dst[j] = (v - s.Mean[j]) * s.Scale[j]
	}
}

// Sizes of the blocks that the Gram matrix is computed in: a block of rows by a block of
// columns stays in the cache, and float32 sums stay short; float64 adds them up.
const (
	gramRows = 128
	gramCols = 1024
)

// gram computes X X' of the standardized rows, in parallel and in an order of summation
// that does not depend on the number of CPUs.
func gram(ctx context.Context, m Matrix, rows []int, s Standardization) (*mat.SymDense, error) {
	n := len(rows)
	sums := mat.NewSymDense(n, nil)
	raw := sums.RawSymmetric()
	var blocks [][2]int
	for i := 0; i < n; i += gramRows {
		for j := i; j < n; j += gramRows {
			blocks = append(blocks, [2]int{i, j})
		}
	}
	standard := make([]float32, n*gramCols)
	for start := 0; start < m.Cols; start += gramCols {
		cols := min(gramCols, m.Cols-start)
		for i, r := range rows {
			part := Standardization{s.Mean[start : start+cols], s.Scale[start : start+cols]}
			part.apply(standard[i*cols:(i+1)*cols], m.Row(r)[start:start+cols])
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for _, b := range blocks {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				addBlock(raw.Data, raw.Stride, standard[:n*cols], n, cols, b)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// addBlock adds the products of two blocks of rows to the upper triangle of the sums.
func addBlock(sums []float64, stride int, x []float32, n, cols int, b [2]int) {
	p, q := min(gramRows, n-b[0]), min(gramRows, n-b[1])
	general := func(start, rows int) blas32.General {
		return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: x[start*cols : (start+rows)*cols]}
	}
	product := blas32.General{Rows: p, Cols: q, Stride: q, Data: make([]float32, p*q)}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, general(b[0], p), general(b[1], q), 0, product)
	for i := range p {
		for j := range q {
			if b[1]+j >= b[0]+i {
				sums[(b[0]+i)*stride+b[1]+j] += float64(product.Data[i*q+j])
			}
		}
	}
}
