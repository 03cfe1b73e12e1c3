package text

import (
	"bytes"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// Within is a writer that knows how many columns wide a line may be, such as a terminal; 0 means as long as it likes.
func Within(w io.Writer, width int) io.Writer { return bounded{w, width} }

type bounded struct {
	io.Writer
	width int
}

// Width is the width of a writer by Within, 0 for others.
func Width(w io.Writer) int {
	if b, ok := w.(bounded); ok {
		return b.width
	}
	return 0
}

// Columns is the number of columns that a text takes in a terminal.
func Columns(s string) int { return uniseg.StringWidth(s) }

// Middle cuts a text that takes more than so many columns in the middle, where an ellipsis takes one.
func Middle(s string, columns int) string {
	if Columns(s) <= columns {
		return s
	}
	var parts []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		parts = append(parts, g.Str())
	}
	start, end := "", ""
	for first, last := 0, len(parts)-1; first <= last; {
		// The start gets the odd one.
		next, room := parts[first], columns-1-Columns(start+end)
		front := Columns(start) <= Columns(end)
		if !front {
			next = parts[last]
		}
		if Columns(next) > room {
			break
		}
		if front {
			start, first = start+next, first+1
		} else {
			end, last = next+end, last-1
		}
	}
	return start + "…" + end
}

// least is the number of columns below which no name is cut.
const least = 8

// FittedTable aligns columns as NewTable does. Where w has a width, it cuts the longest cells of the first columns so
// that no line is longer. Flush it at the end.
type FittedTable struct {
	w    io.Writer
	cut  int
	text bytes.Buffer
}

// NewFittedTable makes a table in which the first so many columns, which have names, may be cut.
func NewFittedTable(w io.Writer, names int) *FittedTable { return &FittedTable{w: w, cut: names} }

// Write takes lines whose cells end in tabs.
func (t *FittedTable) Write(p []byte) (int, error) { return t.text.Write(p) }

// Flush writes the table.
func (t *FittedTable) Flush() error {
	var lines [][]string
	for line := range strings.Lines(t.text.String()) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	t.text.Reset()
	if width := Width(t.w); width > 0 {
		t.fit(lines, width)
	}
	table := NewTable(t.w)
	for _, cells := range lines {
		if _, err := io.WriteString(table, strings.Join(cells, "\t")+"\n"); err != nil {
			return err
		}
	}
	return table.Flush()
}

// fit cuts cells of the widest columns until the lines are short enough, or nothing more can be cut.
func (t *FittedTable) fit(lines [][]string, width int) {
	columns, whole := make([]int, t.cut), 0 // widths of those that may be cut, and of all others together
	var others []int
	for _, cells := range lines {
		if len(cells) == 1 {
			continue // a line of text
		}
		for i, cell := range cells {
			if i < t.cut {
				columns[i] = max(columns[i], Columns(cell))
				continue
			}
			for len(others) <= i-t.cut {
				others = append(others, 0)
			}
			others[i-t.cut] = max(others[i-t.cut], Columns(cell))
		}
	}
	for _, n := range others {
		whole += n + 2
	}
	for {
		widest, sum := 0, whole-2
		for i, n := range columns {
			sum += n + 2
			if n > columns[widest] {
				widest = i
			}
		}
		if sum <= width || len(columns) == 0 || columns[widest] <= least {
			break
		}
		columns[widest]--
	}
	for _, cells := range lines {
		for i := range min(t.cut, len(cells)-1) {
			cells[i] = Middle(cells[i], columns[i])
		}
	}
}
