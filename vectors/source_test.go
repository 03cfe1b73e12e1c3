package vectors

import (
	"errors"
	"slices"
	"testing"
)

// Rows are averaged over their positions, in blocks as they come; a width that is no multiple is refused.
func TestAveraged(t *testing.T) {
	data := []float32{1, 10, 3, 20, 5, 30, 2, 0, 2, 0, 2, 3}
	var got []float32
	firsts := []int{}
	source := Matrix(data, 6, 1).Averaged(2)
	err := source(t.Context(), func(b Block) error {
		got, firsts = append(got, b.Data...), append(firsts, b.First)
		if b.Cols != 2 {
			t.Errorf("%d columns", b.Cols)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, []float32{3, 20, 2, 1}) || !slices.Equal(firsts, []int{0, 1}) {
		t.Errorf("%v from %v, %v", got, firsts, err)
	}
	if err := Matrix(data, 6, 1).Averaged(4)(t.Context(), func(Block) error { return nil }); !errors.Is(err, ErrShape) {
		t.Errorf("6 values of 4 channels: %v", err)
	}
}
