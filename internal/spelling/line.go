package spelling

import (
	"strconv"
	"strings"
	"unicode"
)

// Line is a text for a table or a message: control characters, line separators and marks that change the
// direction of writing are shown as Go's escapes, such as \n or \x1b, so that no name can move the
// cursor, colour the terminal or pretend to be a line of its own. Everything else stays as it is.
func Line(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			quoted := strconv.Quote(string(r))
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
