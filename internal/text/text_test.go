package text

import (
	"fmt"
	"strings"
	"testing"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1500: "1.5 kB", 64 << 20: "67.1 MB", 2.5e9: "2.50 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 2: "2 rows"} {
		if got := Plural(n, "row"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestShape(t *testing.T) {
	for want, shape := range map[string][]int{"7x7x512": {7, 7, 512}, "4096": {4096}, "": nil} {
		if got := Shape(shape); got != want {
			t.Errorf("%v: %q, want %q", shape, got, want)
		}
	}
}

func TestShortest(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "a, bc, d": {"a", "bc", "d"}, "x": {"long", "x", "longer", "longest"}} {
		if got := Shortest(names); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}

func TestNewTable(t *testing.T) {
	var out strings.Builder
	table := NewTable(&out)
	fmt.Fprint(table, "A\tB\nlong\tx\n")
	if err := table.Flush(); err != nil || out.String() != "A     B\nlong  x\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
