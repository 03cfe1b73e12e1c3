package extraction

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"fovea/pipeline"
)

// doubtRow is a row whose file and features are those of these numbers.
func doubtRow(path, label string, file int, feature float32) pipeline.Row {
	return pipeline.Row{Item: pipeline.Item{Path: path, Label: label}, SHA256: fmt.Sprintf("%064x", file)[32:] + strings.Repeat("0", 32), Features: [][]float32{{1, 2}, {feature}}}
}

// doubtSum is half the hash of a file.
func doubtSum(file int) (sum [16]byte) {
	r := doubtRow("", "", file, 0)
	if _, err := hex.Decode(sum[:], []byte(r.SHA256[:32])); err != nil {
		panic(err)
	}
	return sum
}

// Each mistake is told once, and what may be meant is not.
func TestDoubts(t *testing.T) {
	clear := func(r pipeline.Row) pipeline.Row { r.Transparent = true; return r }
	faint := func(r pipeline.Row) pipeline.Row { r.Faint = true; return r }
	for name, test := range map[string]struct {
		rows []pipeline.Row
		want []string
		gone map[[16]byte]string
	}{
		"nothing":             {rows: []pipeline.Row{doubtRow("a", "x", 1, 1), doubtRow("b", "x", 2, 2), doubtRow("c", "y", 3, 1), doubtRow("d", "y", 4, 3)}},
		"copies of one label": {rows: []pipeline.Row{doubtRow("a", "x", 1, 1), doubtRow("b", "x", 1, 1), doubtRow("c", "", 1, 1)}},
		"moved": {
			gone: map[[16]byte]string{doubtSum(1): "p/a", doubtSum(9): "gone"},
			rows: []pipeline.Row{doubtRow("q/b", "x", 2, 1), doubtRow("q/a", "x", 1, 2), doubtRow("q/c", "", 1, 1)},
			want: []string{"stored again under other paths: 2 images, such as q/a, which was p/a; the old rows are kept, so that these images count twice: extract --sync"},
		},
		"gone": {gone: map[[16]byte]string{doubtSum(9): "gone"}, rows: []pipeline.Row{doubtRow("a", "x", 1, 1)}},
		"conflict": {
			rows: []pipeline.Row{doubtRow("a", "x", 1, 1), doubtRow("b", "y", 2, 1), doubtRow("c\xe9", "y", 1, 1)},
			want: []string{"equal files have different labels: a (x) and c%E9 (y): correct the labels, or remove the copies (extract dataset duplicates lists them)"},
		},
		"many conflicts": {
			rows: []pipeline.Row{doubtRow("a", "x", 1, 1), doubtRow("b", "y", 1, 1), doubtRow("c", "z", 1, 1), doubtRow("d", "v", 1, 1), doubtRow("e", "w", 1, 1), doubtRow("f", "x", 1, 1)},
			want: []string{"a (x) and b (y); a (x) and c (z); a (x) and d (v); 1 more: correct"},
		},
		"identical": {
			rows: []pipeline.Row{doubtRow("a", "x", 1, 1), doubtRow("b", "x", 2, 1), doubtRow("c", "x", 3, 1), doubtRow("d", "y", 4, 1), doubtRow("e", "y", 5, 1), doubtRow("f", "y", 6, 2)},
			want: []string{"all images of a class have the same features: x (3 images)"},
		},
		"identical, no label": {
			rows: []pipeline.Row{doubtRow("a", "", 1, 1), doubtRow("b", "", 2, 1), doubtRow("c", "", 3, 1)},
			want: []string{"the same features: no label (3 images)"},
		},
		"few faint": {rows: []pipeline.Row{doubtRow("o", "", 9, 1), doubtRow("p", "", 8, 2), doubtRow("q", "", 7, 3), faint(doubtRow("a", "", 1, 1)), faint(doubtRow("b", "", 2, 2))}},
		"faint": {
			rows: []pipeline.Row{doubtRow("o", "", 9, 1), faint(doubtRow("a", "", 1, 1)), faint(doubtRow("b", "", 2, 2)), faint(doubtRow("c", "", 3, 3)), faint(doubtRow("d", "", 4, 4))},
			want: []string{"come out nearly black, 3 of the first 4, such as a: begin anew with --range minmax, or with the range that they share, such as --range 0..4095"},
		},
		"all faint": {
			rows: []pipeline.Row{faint(doubtRow("a", "", 1, 1))},
			want: []string{"come out nearly black, 1 of the first 1, such as a: "},
		},
		"few transparent": {rows: []pipeline.Row{clear(doubtRow("a", "", 1, 1)), clear(doubtRow("b", "", 2, 2)), clear(doubtRow("c", "", 3, 3)), clear(doubtRow("d", "", 4, 4))}},
		"transparent": {
			rows: []pipeline.Row{doubtRow("o", "", 9, 1), clear(doubtRow("a", "", 1, 1)), clear(doubtRow("b", "", 2, 2)), clear(doubtRow("c", "", 3, 3)), clear(doubtRow("d", "", 4, 4)), clear(doubtRow("e", "", 5, 5)), clear(doubtRow("f", "", 6, 6))},
			want: []string{"the transparency of images is dropped, 5 of the first 6, so that they show whatever colour lies under it, such as a: if they should stand on a background, begin anew with --background white"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, told := newDoubts(), []string(nil)
			d.gone = test.gone
			d.warn = func(message string) { told = append(told, message) }
			for i := range test.rows {
				d.see(test.rows[i : i+1])
			}
			if early := len(told); (strings.HasPrefix(name, "transparent") || name == "faint") && early != 1 {
				t.Errorf("%d warnings before the end", early)
			}
			d.conclude()
			if len(told) != len(test.want) {
				t.Fatalf("told %q, want %q", told, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(told[i], want) {
					t.Errorf("told %q, want %q", told[i], want)
				}
			}
		})
	}
}

// Decoders that keep the program's rights are told of once.
func TestDoubtsOfConfinement(t *testing.T) {
	d, told := newDoubts(), 0
	d.warn = func(message string) {
		if told++; !strings.Contains(message, "seccomp") {
			t.Error(message)
		}
	}
	for i, confined := range []bool{true, false, false, true} {
		d.confined = func() bool { return confined }
		d.see([]pipeline.Row{doubtRow(fmt.Sprint(i), "", i, float32(i))})
	}
	if d.conclude(); told != 1 {
		t.Errorf("%d warnings, want 1", told)
	}
}

func BenchmarkDoubts(b *testing.B) {
	rows := make([]pipeline.Row, 100_000)
	for i := range rows {
		rows[i] = doubtRow(fmt.Sprintf("%07d.jpg", i), fmt.Sprint(i%100), i, float32(i))
	}
	for b.Loop() {
		newDoubts().see(rows)
	}
}
