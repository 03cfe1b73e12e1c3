package spelling

import (
	"strconv"
	"strings"
	"unicode"
)

// Line is a text for a table, a message or a page: characters that nobody sees are shown as Go's escapes, such as \n,
// \x1b or \u202e, so that no name can move the cursor, colour the terminal, change the direction of writing, look like
// another name, or pretend to be a line of its own. Everything else stays as it is, also joiners where a script or an
// emoji needs them. Bytes that are no UTF-8 become U+FFFD beside such characters: Spell first.
//
// Pages whose texts come from JavaScript do the same by shown.js of package look.
func Line(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	letters := []rune(s)
	return show(letters, func(i int) bool { return hidden(letters[i]) && !joins(letters, i) })
}

// show writes letters, some as escapes.
func show(letters []rune, escaped func(i int) bool) string {
	var b strings.Builder
	for i, r := range letters {
		switch quoted := strconv.QuoteToASCII(string(r)); {
		case !escaped(i):
			b.WriteRune(r)
		case r == ' ':
			b.WriteString(`\x20`)
		default:
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// Lines is Line for each line of a text.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Line(l)
	}
	return strings.Join(lines, "\n")
}

// hidden are control and format characters, line separators, and others that most fonts show nothing of.
func hidden(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r) // which are seen
}

const (
	nonJoiner, joiner = '\u200c', '\u200d'
	keycap            = '\u20e3'
)

// joins says whether a hidden character has a part in what is seen: one that joins or parts the letters of scripts whose
// letters are joined, or emoji, and one that says in which form to show a character.
func joins(letters []rune, i int) bool {
	if i == 0 {
		return false
	}
	before, after := letters[i-1], rune(0)
	if i+1 < len(letters) {
		after = letters[i+1]
	}
	switch variant := unicode.Is(unicode.Variation_Selector, before); {
	case letters[i] == nonJoiner || letters[i] == joiner:
		return !separate(before) && (variant || !hidden(before)) && !separate(after) && !hidden(after)
	case unicode.Is(unicode.Variation_Selector, letters[i]):
		return !separate(before) && !hidden(before) || after == keycap && strings.ContainsRune("0123456789#*", before)
	}
	return false
}

// separate are letters that are written side by side, and so are the same with what joins others.
func separate(r rune) bool {
	return r < 0x80 || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}
