package spelling

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Name is Line for a name that stands for something, such as a label: it also escapes what makes two names look alike. These
// are blanks at its ends and after another, as \x20, blanks of other kinds than the usual one, and letters that Unicode
// would compose in another way (macOS may name directories by a letter and its accent, e\u0301). So different names
// look different, beside each other and alone, but for letters that are alike in all fonts.
func Name(s string) string {
	letters := []rune(s)
	odd := decomposed(s)
	return show(letters, func(i int) bool {
		return hidden(letters[i]) && !joins(letters, i) || odd[i] || isBlank(letters[i]) && unseenBlank(letters, i)
	})
}

const ideographic, braille = '\u3000', '\u2800'

func isBlank(r rune) bool { return unicode.Is(unicode.Zs, r) || r == braille }

// unseenBlank says whether the i-th letter, a blank, cannot be told from its absence or from another one.
func unseenBlank(letters []rune, i int) bool {
	before := strings.TrimRightFunc(string(letters[:i]), isBlank)
	after := strings.TrimLeftFunc(string(letters[i+1:]), isBlank)
	if before == "" || after == "" || isBlank(letters[i-1]) {
		return true
	}
	return letters[i] != ' ' && letters[i] != ideographic // which is wide, and usual in its scripts
}

// decomposed are the indices of letters that are composed in another form, or added to the one before in another order, than
// in Unicode's form C. Of Korean, whose every syllable would be, it is the first.
func decomposed(s string) map[int]bool {
	if norm.NFC.IsNormalString(s) {
		return nil
	}
	odd, korean := map[int]bool{}, false
	for first := 0; s != ""; {
		size := norm.NFC.NextBoundaryInString(s, true)
		part := []rune(s[:size])
		isJamo := unicode.Is(unicode.Hangul, part[0])
		if !norm.NFC.IsNormalString(s[:size]) && !(isJamo && korean) {
			korean = korean || isJamo
			for i := min(1, len(part)-1); i < len(part); i++ {
				odd[first+i] = true
			}
		}
		first, s = first+len(part), s[size:]
	}
	return odd
}
