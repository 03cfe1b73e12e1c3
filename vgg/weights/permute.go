package weights

import (
	"cmp"
	"encoding/binary"
	"slices"

	"fovea/internal/budget"
)

// Elements are moved in blocks, so that both source and destination stay in the cache: the kernel
// of the first dense layer has 411 MB, and moving it row by row took ten times as long.
const (
	permutedRows    = 16
	permutedColumns = 64
)

// permutation reorders dimensions. A row is what runs along the last dimension of the result.
type permutation struct {
	out, in []byte
	element int
	// length is that of a row, step the distance of its elements before the change.
	length, step int
}

// permutedDim is one of the other dimensions: its size, and the distances of its elements before
// and after.
type permutedDim struct{ size, from, to int }

// permute reorders the dimensions: dimension i of the result is dimension order[i] of the tensor,
// which must have been checked.
func permute(memory *budget.Budget, t Tensor, order []int) (Tensor, error) {
	if err := memory.Take(int64(len(t.Raw)), "a tensor in another order"); err != nil {
		return Tensor{}, err
	}
	return permuted(t, order), nil
}

func permuted(t Tensor, order []int) Tensor {
	out := Tensor{Shape: make([]int, len(order)), DType: t.DType, Raw: make([]byte, len(t.Raw))}
	for i, o := range order {
		out.Shape[i] = t.Shape[o]
	}
	if len(order) < 2 || len(t.Raw) == 0 {
		copy(out.Raw, t.Raw)
		return out
	}
	element := t.DType.size()
	before, after := strides(t.Shape, element), strides(out.Shape, element)
	last := len(order) - 1
	var dims []permutedDim
	for i, o := range order[:last] {
		dims = append(dims, permutedDim{out.Shape[i], before[o], after[i]})
	}
	// Rows that follow one another in this order begin side by side.
	slices.SortStableFunc(dims, func(a, b permutedDim) int { return cmp.Compare(b.from, a.from) })
	p := permutation{out: out.Raw, in: t.Raw, element: element, length: out.Shape[last], step: before[order[last]]}
	p.rows(dims)
	return out
}

// strides are the distances of elements in each dimension, in bytes.
func strides(shape []int, element int) []int {
	out := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		out[i] = element
		element *= shape[i]
	}
	return out
}

// rows moves all rows, some at a time.
func (p permutation) rows(dims []permutedDim) {
	index := make([]int, len(dims))
	var from, to [permutedRows]int
	n, source, target := 0, 0, 0
	for {
		from[n], to[n] = source, target
		if n++; n == permutedRows {
			p.block(from[:n], to[:n])
			n = 0
		}
		i := len(dims) - 1
		for ; i >= 0; i-- {
			index[i]++
			source, target = source+dims[i].from, target+dims[i].to
			if index[i] < dims[i].size {
				break
			}
			source, target = source-dims[i].size*dims[i].from, target-dims[i].size*dims[i].to
			index[i] = 0
		}
		if i < 0 {
			p.block(from[:n], to[:n])
			return
		}
	}
}

// block moves rows that begin at from to where they begin at to.
func (p permutation) block(from, to []int) {
	for column := 0; column < p.length; column += permutedColumns {
		end := min(column+permutedColumns, p.length)
		for c := column; c < end; c++ {
			source, target := c*p.step, c*p.element
			if p.element == 4 {
				for i, f := range from {
					binary.LittleEndian.PutUint32(p.out[to[i]+target:], binary.LittleEndian.Uint32(p.in[f+source:]))
				}
				continue
			}
			for i, f := range from {
				copy(p.out[to[i]+target:to[i]+target+p.element], p.in[f+source:])
			}
		}
	}
}
