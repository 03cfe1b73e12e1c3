package typo

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// letterBytes is the most that a letter takes. Names that differ by more than the letters of a few edits are not compared,
// which would take the product of their lengths in time.
const letterBytes = 4

// minPrefix is the length from which on the beginning of a name stands for the whole.
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
		if max(len(lower)-len(other), len(other)-len(lower)) <= letterBytes*limit { // an edit is of one letter
			if d := distance(lower, other); d < closest && d < len(other) {
				best, closest = c, d
			}
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

// distance counts edits, and two neighbours that changed places as one.
func distance(a, b string) int {
	if len(a) == len(b) {
		for i := range len(a) - 1 {
			if a[i] != b[i] {
				if a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:] {
					return 1
				}
				break
			}
		}
	}
	return levenshtein.ComputeDistance(a, b)
}

// Hint is Nearest as the end of a message: " (did you mean NAME?)", or "" if no candidate is close.
func Hint(name string, candidates []string) string {
	if meant := Nearest(name, candidates); meant != "" {
		return fmt.Sprintf(" (did you mean %s?)", meant)
	}
	return ""
}
