package vectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Block is some consecutive rows of a stream. It is valid only during a visit.
type Block struct {
	// First is the index of its first row in the stream, from 0.
	First int
	// Rows and Cols are the shape of Data; Cols is the same for all blocks of a stream.
	Rows, Cols int
	// Data holds the values row by row: row i is Data[i*Cols : (i+1)*Cols].
	Data []float32
}

// Row returns row i of the block.
func (b Block) Row(i int) []float32 { return b.Data[i*b.Cols : (i+1)*b.Cols] }

// from is the block without its first rows.
func (b Block) from(rows int) Block {
	return Block{First: b.First + rows, Rows: b.Rows - rows, Cols: b.Cols, Data: b.Data[rows*b.Cols:]}
}

// Source visits all rows of a stream in order. It can be called again and then visits the same
// rows. It returns visit's errors unchanged.
type Source func(ctx context.Context, visit func(Block) error) error

// Averaged is the source with each row averaged over its positions: of consecutive values, channels belong to one
// position. The width of a row must be a multiple of channels.
func (s Source) Averaged(channels int) Source {
	return func(ctx context.Context, visit func(Block) error) error {
		var means []float32
		return s(ctx, func(b Block) error {
			if channels < 1 || b.Cols%channels != 0 || len(b.Data) != b.Rows*b.Cols {
				return fmt.Errorf("vectors: %w: %d values in %d rows of %d, with %d channels", ErrShape, len(b.Data), b.Rows, b.Cols, channels)
			}
			means = means[:0]
			for i := range b.Rows {
				means = AppendAverage(means, b.Row(i), channels)
			}
			return visit(Block{First: b.First, Rows: b.Rows, Cols: channels, Data: means})
		})
	}
}

// AppendAverage appends the average of a row over its positions, each of which has so many consecutive values.
func AppendAverage(to, row []float32, channels int) []float32 {
	if len(row) == channels {
		return append(to, row...)
	}
	sums := make([]float64, channels)
	for at := 0; at < len(row); at += channels {
		for c, v := range row[at : at+channels] {
			sums[c] += float64(v)
		}
	}
	for _, sum := range sums {
		to = append(to, float32(sum/float64(len(row)/channels)))
	}
	return to
}

// ErrShape says that the blocks of a stream do not fit together.
var ErrShape = errors.New("blocks of different shapes")

// NotFiniteError says that a row has a NaN or an infinity and so no direction to compare.
type NotFiniteError struct {
	// Row is its place in the stream.
	Row int
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("row %d has a value that is not finite", e.Row)
}

// checked wraps a source so that its blocks are reliable: of one width, without gaps, and as long
// as they claim.
func (s Source) checked() Source {
	return func(ctx context.Context, visit func(Block) error) error {
		next, cols := 0, 0
		return s(ctx, func(b Block) error {
			if cols == 0 {
				cols = b.Cols
			}
			if b.Rows < 0 || b.Cols < 1 || b.Cols != cols || b.First != next || len(b.Data) != b.Rows*b.Cols {
				return fmt.Errorf("vectors: %w: %d values in %d rows of %d from row %d on, after %d rows of %d", ErrShape, len(b.Data), b.Rows, b.Cols, b.First, next, cols)
			}
			next += b.Rows
			return visit(b)
		})
	}
}

// Matrix is a source of the rows of a matrix in memory, in blocks of at most blockRows rows.
func Matrix(data []float32, cols, blockRows int) Source {
	return func(ctx context.Context, visit func(Block) error) error {
		for first := 0; first*cols < len(data); first += blockRows {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			part := data[first*cols : min(len(data), (first+blockRows)*cols)]
			if err := visit(Block{First: first, Rows: len(part) / cols, Cols: cols, Data: part}); err != nil {
				return err
			}
		}
		return nil
	}
}

// Kept returns a source that keeps the rows in memory if they have at most limit values, so that
// only its first use reads them; otherwise it returns s.
func (s Source) Kept(rows, cols, limit int) Source {
	if cols < 1 || rows > limit/cols {
		return s
	}
	var data []float32
	whole := false
	return func(ctx context.Context, visit func(Block) error) error {
		if whole {
			return Matrix(data, cols, max(1, blockValues/cols))(ctx, visit)
		}
		data = slices.Grow(data[:0], rows*cols)
		err := s(ctx, func(b Block) error {
			data = append(data, b.Data...)
			return visit(b)
		})
		whole = err == nil
		return err
	}
}

// blockValues is the number of values of the blocks that are worked on: 4 MiB.
const blockValues = 1 << 20
