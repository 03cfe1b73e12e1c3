package vectors

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*max(1, math.Abs(want)) {
		t.Errorf("%s is %.12g, want %.12g", what, got, want)
	}
}

// rectified makes rows of normal values, of which those below zero are zero.
func rectified(rows, cols int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = max(0, float32(random.NormFloat64()-0.5))
	}
	return data
}

func TestDescribe(t *testing.T) {
	const rows, cols = 57, 33
	data := rectified(rows, cols, 3)
	for i := range rows {
		data[i*cols+4] = 0 // a column of zeros
	}
	clear(data[10*cols : 11*cols]) // and a row
	values, norms, zeros := make([]float64, len(data)), make([]float64, rows), 0
	for i, x := range data {
		values[i] = float64(x)
		if x == 0 {
			zeros++
		}
	}
	for i := range rows {
		norms[i] = floats.Norm(values[i*cols:(i+1)*cols], 2)
	}
	for _, block := range []int{1, 10, 100} {
		got, err := Describe(context.Background(), Matrix(data, cols, block))
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows != rows || got.Cols != cols || got.ZeroRows != 1 || got.ZeroColumns != 1 {
			t.Errorf("%+v", got)
		}
		near(t, "zeros", got.Zeros, float64(zeros)/float64(len(data)), 0)
		for _, s := range []struct {
			name string
			got  Spread
			of   []float64
		}{{"values", got.Values, values}, {"norms", got.Norms, norms}} {
			near(t, s.name+" min", s.got.Min, floats.Min(s.of), 1e-15)
			near(t, s.name+" max", s.got.Max, floats.Max(s.of), 1e-15)
			near(t, s.name+" mean", s.got.Mean, stat.Mean(s.of, nil), 1e-12)
			near(t, s.name+" deviation", s.got.Deviation, stat.PopStdDev(s.of, nil), 1e-12)
		}
	}
}

// Values far from zero that differ little: sums of squares would lose all digits.
func TestDescribeLosesNoDigits(t *testing.T) {
	data := []float32{16777214, 16777215, 16777215, 16777216}
	got, err := Describe(context.Background(), Matrix(data, 1, 3))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "deviation", got.Values.Deviation, math.Sqrt(0.5), 1e-9)
}

func TestDescribeNothing(t *testing.T) {
	got, err := Describe(context.Background(), Matrix(nil, 3, 1))
	if err != nil || got != (Statistics{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnfitBlocks(t *testing.T) {
	good := Block{Rows: 2, Cols: 3, Data: make([]float32, 6)}
	for name, second := range map[string]Block{
		"another width": {First: 2, Rows: 1, Cols: 2, Data: make([]float32, 2)},
		"a gap":         {First: 3, Rows: 1, Cols: 3, Data: make([]float32, 3)},
		"too short":     {First: 2, Rows: 2, Cols: 3, Data: make([]float32, 3)},
	} {
		_, err := Describe(context.Background(), func(_ context.Context, visit func(Block) error) error {
			return errors.Join(visit(good), visit(second))
		})
		if !errors.Is(err, ErrShape) {
			t.Errorf("%s: %v, want ErrShape", name, err)
		}
	}
}

func TestKept(t *testing.T) {
	data, calls := rectified(10, 4, 1), 0
	source := Source(func(ctx context.Context, visit func(Block) error) error {
		calls++
		return Matrix(data, 4, 3)(ctx, visit)
	})
	for _, test := range []struct{ limit, calls int }{{40, 1}, {39, 2}} {
		calls = 0
		kept := source.Kept(10, 4, test.limit)
		first, err := Describe(context.Background(), kept)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Describe(context.Background(), kept)
		if err != nil || first != second || calls != test.calls {
			t.Errorf("limit %d: read %d times, want %d; %+v and %+v: %v", test.limit, calls, test.calls, first, second, err)
		}
	}
}
