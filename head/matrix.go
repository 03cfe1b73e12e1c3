package head

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"fovea/internal/finite"
)

// Matrix has a row of features for each image.
type Matrix struct {
	Rows, Cols int
	// Data has the rows one after another: Rows * Cols finite values.
	Data []float32
	// Blocks are the widths of groups of columns, such as those of a layer, which are scaled on their
	// own. Empty means that all columns are one block.
	Blocks []int
	// Memory, if set, provides tables as large as Data; training needs one or two. Results do
	// not depend on it.
	Memory Memory
}

// Memory provides tables that may be too large for ordinary memory.
type Memory interface {
	// Floats returns a table of that many values, all 0; Free gives it back.
	Floats(values int) ([]float32, error)
	Free([]float32)
}

// floats returns a table of that many values.
func (m Matrix) floats(values int) ([]float32, error) {
	if m.Memory == nil {
		return make([]float32, values), nil
	}
	return m.Memory.Floats(values)
}

// free gives back what floats returned.
func (m Matrix) free(values []float32) {
	if m.Memory != nil {
		m.Memory.Free(values)
	}
}

// Row is a view of row i.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// validate refuses inconsistent sizes and values that are not finite.
func (m Matrix) validate() error {
	if m.Rows < 0 || m.Cols < 1 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("head: %d values are not %d rows of %d", len(m.Data), m.Rows, m.Cols)
	}
	if err := checkBlocks(m.Blocks, m.Cols); err != nil {
		return err
	}
	if row, column, found := m.NotFinite(); found {
		return fmt.Errorf("head: value %d of row %d is %v: extract the features again", column, row, m.Row(row)[column])
	}
	return nil
}

// NotFinite finds the first value that is NaN or infinite.
func (m Matrix) NotFinite() (row, column int, found bool) {
	if i := finite.First(m.Data); i >= 0 {
		return i / m.Cols, i % m.Cols, true
	}
	return 0, 0, false
}

// ZeroRows are the numbers of rows of nothing but zeros, which have no direction: no row is like them.
func (m Matrix) ZeroRows() (rows []int) {
	for i := range m.Rows {
		if isZero(m.Row(i)) {
			rows = append(rows, i)
		}
	}
	return rows
}

// checkBlocks refuses widths that do not add up to the number of columns.
func checkBlocks(blocks []int, cols int) error {
	sum := 0
	for _, width := range blocks {
		if width < 1 {
			return fmt.Errorf("head: blocks of %v columns", blocks)
		}
		sum += width
	}
	if len(blocks) > 0 && sum != cols {
		return fmt.Errorf("head: blocks of %v columns do not add up to %d columns", blocks, cols)
	}
	return nil
}

// gramBlock is the number of rows whose inner products are computed at a time, gramCols the number of
// columns after which sums in float32 are added up in float64.
const (
	gramBlock = 64
	gramCols  = 1024
)

// gram computes X X' of the standardized rows in parallel. The order of summation does not depend on
// the number of CPUs.
func gram(ctx context.Context, m Matrix, s Standardization) (*mat.SymDense, error) {
	n := m.Rows
	standard, err := s.all(m)
	if err != nil {
		return nil, err
	}
	defer m.free(standard.data)
	sums := mat.NewSymDense(n, nil)
	raw := sums.RawSymmetric()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(allCPUs())
	for first := 0; first < n; first += gramBlock {
		group.Go(func() error {
			for start := 0; start < m.Cols; start += gramCols {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				standard.columns(start, min(start+gramCols, m.Cols)).gramInto(raw, first, n)
			}
			return nil
		})
	}
	return sums, group.Wait()
}

// gramInto adds the inner products of gramBlock rows from first on with those from each of them to n to an upper triangle.
// There is room for a multiple of quad rows.
func (x dense) gramInto(sums blas64.Symmetric, first, n int) {
	rows := make([]int, min(gramBlock, n-first))
	for i := range rows {
		rows[i] = first + i
	}
	out := make([]float32, len(rows)*gramBlock)
	for second := first; second < n; second += gramBlock {
		w := x.from(second, min(gramBlock, padded(n, quad)-second))
		x.scores(rows, w, out)
		for i, r := range rows {
			for j := max(second, r); j < min(second+gramBlock, n); j++ {
				sums.Data[r*sums.Stride+j] += float64(out[i*w.rows+j-second])
			}
		}
	}
}
