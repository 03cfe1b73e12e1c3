package text

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"fovea/internal/spelling"
)

// Size writes a number of bytes in decimal units: "67.1 MB".
func Size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return Plural(int(n), "byte")
}

// Plural writes a number of things: "1 row", "2 rows".
func Plural(n int, what string) string { return Count(n, what, what+"s") }

// Count writes a number of things whose plural is irregular: "1 class", "2 classes".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Shape writes dimensions as 7x7x512.
func Shape(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

// Alternatives lists names as "a, b or c".
func Alternatives(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
	return strings.Join(names, "")
}

// Some lists up to ten names, as spelling.Name shows them, and how many more there are.
func Some(names []string) string {
	const most = 10
	var shown []string
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, spelling.Name(n))
	}
	list := strings.Join(shown, ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// Shortest lists up to three names, and of more only the shortest one.
func Shortest(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	best := names[0]
	for _, n := range names {
		if len(n) < len(best) {
			best = n
		}
	}
	return best
}

// NewTable aligns the columns of lines whose cells end in tabs. Flush it at the end.
func NewTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }
