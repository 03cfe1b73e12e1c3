// Package typo finds the name that was meant by a mistyped one.
//
// It knows edit distances and nothing about what the names are of.
package typo

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// minPrefix is the length from which the beginning of a name stands for the whole.
const minPrefix = 3

// Nearest returns the candidate that is most like name, or "" if none is close: at most 1 edit away for
// names of up to 3 bytes, 2 up to 8, 3 beyond, or the only one that begins with name. Case does not
// count. Of candidates that are equally close, the first wins.
func Nearest(name string, candidates []string) string {
	limit := 3
	switch {
	case len(name) <= 3:
		limit = 1
	case len(name) <= 8:
		limit = 2
	}
	lower := strings.ToLower(name)
	best, closest := "", limit+1
	prefix, prefixes := "", 0
	for _, c := range candidates {
		other := strings.ToLower(c)
		if d := levenshtein.ComputeDistance(lower, other); d < closest && d < len(other) {
			best, closest = c, d
		}
		if len(name) >= minPrefix && strings.HasPrefix(other, lower) {
			prefix = c
			prefixes++
		}
	}
	if prefixes == 1 && closest > 1 {
		return prefix
	}
	return best
}

// Hint is Nearest as the end of a message: " (did you mean NAME?)", or "" if no candidate is close.
func Hint(name string, candidates []string) string {
	if meant := Nearest(name, candidates); meant != "" {
		return fmt.Sprintf(" (did you mean %s?)", meant)
	}
	return ""
}
