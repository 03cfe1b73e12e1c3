package picture

import "testing"

// Systems in feet and grads are known, and all others are in metres and degrees. Units that a file describes itself are
// nobody's. TestGeoreferences compares files with GDAL.
func TestInUnit(t *testing.T) {
	for _, test := range []struct {
		code      int
		projected bool
		declared  int
		want      bool
	}{
		{32633, true, 0, true}, {32633, true, 9001, true}, {32633, true, 9003, false}, {32633, true, 32767, false},
		{2263, true, 0, true}, {2263, true, 9003, true}, {2263, true, 9001, false}, {2263, true, 9002, false},
		{2223, true, 9002, true}, {2224, true, 9002, true}, {2225, true, 9003, true}, {20050, true, 9002, true}, {27291, true, 9040, true},
		{4326, false, 9102, true}, {4326, false, 9122, true}, {4326, false, 9105, false}, {4807, false, 9105, true}, {4807, false, 9102, false}, {4807, false, 9122, false},
	} {
		if got := inUnit(test.code, test.projected, test.declared); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
