package text

import (
	"fmt"
	"strings"
	"testing"
)

func TestMiddle(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"short", 5, "short"}, {"longer", 5, "lo…er"}, {"longer still", 6, "lon…ll"}, {"abc", 1, "…"}, {"", 3, ""},
		{"猫と犬と鳥", 10, "猫と犬と鳥"}, {"猫と犬と鳥", 7, "猫と…鳥"}, {"猫と犬と鳥", 9, "猫と…と鳥"}, // two columns each
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"}, // letters stay whole
	} {
		if got := Middle(test.text, test.columns); got != test.want || Columns(got) > test.columns {
			t.Errorf("%q in %d columns is %q, want %q", test.text, test.columns, got, test.want)
		}
	}
}

func table(w *strings.Builder, width int) []string {
	t := NewFittedTable(Within(w, width), 2)
	fmt.Fprintf(t, "class\tpredicted\timages\tof\n")
	fmt.Fprintf(t, "%s 1\t%s\t%d\t%d\n", strings.Repeat("x", 70), "dog", 12, 345)
	fmt.Fprintf(t, "%s\t%s 2\t%d\t%d\n", "cat", strings.Repeat("犬", 30), 6, 7)
	if err := t.Flush(); err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(w.String(), "\n"), "\n")
}

// Lines fit the width where there is one; numbers are never cut.
func TestFittedTable(t *testing.T) {
	for _, width := range []int{40, 60, 80, 100, 140} {
		var out strings.Builder
		for _, line := range table(&out, width) {
			if Columns(line) > width {
				t.Errorf("%d columns instead of %d: %s", Columns(line), width, line)
			}
		}
		for _, part := range []string{"12      345", "6       7", "x 1"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("no %q in\n%s", part, out.String())
			}
		}
		if cut := strings.Contains(out.String(), "…"); cut != (width < 160) {
			t.Errorf("%d columns: cut is %v\n%s", width, cut, out.String())
		}
	}
	var out strings.Builder
	if lines := table(&out, 0); strings.Contains(out.String(), "…") || len(lines[1]) < 80 {
		t.Errorf("without a width, cells are cut:\n%s", out.String())
	}
	// What cannot be cut any more stays.
	out.Reset()
	if lines := table(&out, 10); len(lines) != 3 || !strings.Contains(out.String(), "345") {
		t.Errorf("%q", lines)
	}
}
