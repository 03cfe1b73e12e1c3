package vectors

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"unsafe"

	"fovea/internal/scratch"
)

// Table holds the rows of a stream, for those who visit them in no order.
type Table struct {
	rows, cols int
	// parts have partRows rows each; files has those that are too many for memory.
	parts     [][]float32
	partRows  int
	maxMemory int64
	files     scratch.Memory

	// Rows that are equal are one unique row: unique has that of each row; the rows of unique row u are
	// grouped[starts[u]:starts[u+1]], in ascending order.
	unique, grouped, starts []int32
}

// ReadTable reads a stream. Rows beyond maxMemory bytes lie in a temporary file; 0 means that all lie in memory.
// A row with a value that is not finite is a NotFiniteError.
func ReadTable(ctx context.Context, source Source, maxMemory int64) (*Table, error) {
	t := &Table{maxMemory: maxMemory, files: scratch.Memory{Above: 1}}
	err := source.checked()(ctx, func(b Block) error {
		if t.cols == 0 {
			if b.Cols > mostCols {
				return fmt.Errorf("vectors: %w: rows of %d values, where at most %d are possible", ErrShape, b.Cols, mostCols)
			}
			t.cols, t.partRows = b.Cols, max(1, chunkValues/b.Cols)
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		for i := range b.Rows {
			if err := t.add(b.Row(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Free()
		return nil, err
	}
	return t, nil
}

func (t *Table) add(row []float32) error {
	if most := float64(largest(row)); math.IsNaN(most) || math.IsInf(most, 0) {
		return fmt.Errorf("vectors: %w", &NotFiniteError{t.rows})
	}
	if t.rows == mostRows {
		return fmt.Errorf("vectors: more than %d rows, where their neighbours are sought", mostRows)
	}
	if t.rows == len(t.parts)*t.partRows {
		part, err := t.room()
		if err != nil {
			return fmt.Errorf("vectors: %w", err)
		}
		t.parts = append(t.parts, part)
	}
	copy(t.parts[t.rows/t.partRows][t.rows%t.partRows*t.cols:], row)
	t.rows++
	return nil
}

// room is that of another part.
func (t *Table) room() ([]float32, error) {
	values := t.partRows * t.cols
	if t.maxMemory > 0 && int64(len(t.parts)+1)*int64(values)*4 > t.maxMemory {
		return t.files.Floats(values)
	}
	return make([]float32, values), nil
}

// Rows is how many rows there are.
func (t *Table) Rows() int { return t.rows }

// Cols is how many values a row has, 0 if there is none.
func (t *Table) Cols() int { return t.cols }

// Row returns a row, which must not be changed, nor looked at after Free.
func (t *Table) Row(i int) []float32 {
	return t.parts[i/t.partRows][i%t.partRows*t.cols:][:t.cols]
}

// Free gives the table's memory back.
func (t *Table) Free() {
	for _, part := range t.parts {
		t.files.Free(part)
	}
	t.parts = nil
}

// mostRows is the number of rows up to which int32 has room for them.
const mostRows = math.MaxInt32 - segmentRows

// bytesOf is a row as it lies in memory.
func (t *Table) bytesOf(i int) []byte {
	row := t.Row(i)
	return unsafe.Slice((*byte)(unsafe.Pointer(&row[0])), 4*len(row))
}

// findCopies numbers the unique rows in the order in which they first occur.
func (t *Table) findCopies() {
	seed := maphash.MakeSeed()
	firsts := map[uint64][]int32{} // first rows by their hash
	t.unique = make([]int32, t.rows)
	var counts []int32
	for i := range t.rows {
		content := t.bytesOf(i)
		hash := maphash.Bytes(seed, content)
		same := slices.IndexFunc(firsts[hash], func(first int32) bool { return bytes.Equal(content, t.bytesOf(int(first))) })
		if same >= 0 {
			t.unique[i] = t.unique[firsts[hash][same]]
		} else {
			firsts[hash] = append(firsts[hash], int32(i))
			t.unique[i] = int32(len(counts))
			counts = append(counts, 0)
		}
		counts[t.unique[i]]++
	}
	t.starts = make([]int32, len(counts)+1)
	for u, n := range counts {
		t.starts[u+1] = t.starts[u] + n
	}
	t.grouped = make([]int32, t.rows)
	next := slices.Clone(t.starts)
	for i, u := range t.unique {
		t.grouped[next[u]] = int32(i)
		next[u]++
	}
}

// uniques is the number of unique rows.
func (t *Table) uniques() int { return len(t.starts) - 1 }

// members are the rows that a unique row stands for.
func (t *Table) members(u int32) []int32 { return t.grouped[t.starts[u]:t.starts[u+1]] }
