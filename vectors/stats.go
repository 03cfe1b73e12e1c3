package vectors

import (
	"context"
	"math"
)

// Spread describes some numbers. It is all zero if there are none.
type Spread struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
	// Deviation is the standard deviation (of the population: divided by n).
	Deviation float64 `json:"deviation"`
}

// Statistics describe the vectors of a stream.
type Statistics struct {
	Rows int `json:"rows"`
	Cols int `json:"columns"`
	// Values describes all single values, Norms the Euclidean norms of the rows.
	Values Spread `json:"values"`
	Norms  Spread `json:"norms"`
	// Zeros is the fraction of values that are zero, 0 to 1.
	Zeros float64 `json:"zeros"`
	// ZeroRows and ZeroColumns count those that contain only zeros.
	ZeroRows    int `json:"zero_rows"`
	ZeroColumns int `json:"zero_columns"`
}

// spread collects a Spread. It adds groups of numbers by their mean and sum of squared
// deviations (Chan, Golub and LeVeque, 1979), which loses no digits.
type spread struct {
	n              float64
	min, max       float64
	mean, squaresN float64
}

func (s *spread) add(n, low, high, mean, squares float64) {
	if s.n == 0 {
		s.min, s.max = low, high
	}
	s.min, s.max = min(s.min, low), max(s.max, high)
	delta := mean - s.mean
	total := s.n + n
	s.squaresN += squares + delta*delta*s.n*n/total
	s.mean += delta * n / total
	s.n = total
}

func (s *spread) spread() Spread {
	if s.n == 0 {
		return Spread{}
	}
	return Spread{Min: s.min, Mean: s.mean, Max: s.max, Deviation: math.Sqrt(s.squaresN / s.n)}
}

// Describe reads a stream once and describes its vectors.
func Describe(ctx context.Context, source Source) (Statistics, error) {
	var result Statistics
	var values, norms spread
	var used []bool // for each column, whether it has a value that is not zero
	zeros := 0
	err := source.checked()(ctx, func(b Block) error {
		if used == nil {
			result.Cols, used = b.Cols, make([]bool, b.Cols)
		}
		for i := range b.Rows {
			nonzero, squares := values.row(b.Row(i), used)
			zeros += b.Cols - nonzero
			if nonzero == 0 {
				result.ZeroRows++
			}
			norm := math.Sqrt(squares)
			norms.add(1, norm, norm, norm, 0)
		}
		result.Rows += b.Rows
		return nil
	})
	if err != nil {
		return Statistics{}, err
	}
	for _, u := range used {
		if !u {
			result.ZeroColumns++
		}
	}
	if n := result.Rows * result.Cols; n > 0 {
		result.Zeros = float64(zeros) / float64(n)
	}
	result.Values, result.Norms = values.spread(), norms.spread()
	return result, nil
}

// row adds the values of a row and returns how many are not zero and the sum of their squares.
func (s *spread) row(v []float32, used []bool) (nonzero int, squares float64) {
	low, high, sum := math.Inf(1), math.Inf(-1), 0.0
	for j, x := range v {
		if x != 0 {
			nonzero++
			used[j] = true
		}
		y := float64(x)
		sum += y
		squares += y * y
		low, high = min(low, y), max(high, y)
	}
	mean, deviations := sum/float64(len(v)), 0.0
	for _, x := range v {
		d := float64(x) - mean
		deviations += d * d
	}
	s.add(float64(len(v)), low, high, mean, deviations)
	return nonzero, squares
}
