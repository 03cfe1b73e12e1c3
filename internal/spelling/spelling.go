package spelling

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const hexDigits = "0123456789ABCDEF"

// Spell makes any bytes valid UTF-8.
//
// Each byte that is not part of valid UTF-8 becomes %XX in upper-case hex (always %80 to
// %FF). A percent sign becomes %25 only where it would otherwise read as such an escape, so
// that almost every name, "100%.jpg" included, stays as it is. Unspell inverts it.
func Spell(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteByte('%')
			b.WriteByte(hexDigits[s[i]>>4])
			b.WriteByte(hexDigits[s[i]&15])
		case isEscape(s[i:]):
			b.WriteString("%25")
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// Unspell returns what Spell was given.
func Unspell(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if !isEscape(s[i:]) {
			b.WriteByte(s[i])
			continue
		}
		high, low := strings.IndexByte(hexDigits, s[i+1]), strings.IndexByte(hexDigits, s[i+2])
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String()
}

// Read is for what users write: it returns the bytes that the text spells, or, if it
// is that of none, the text itself. So what Spell shows can be handed back, and shows as it was.
func Read(s string) string {
	if raw := Unspell(s); Spell(raw) == s {
		return raw
	}
	return s
}

// isEscape reports whether s starts with %25 or %80 to %FF.
func isEscape(s string) bool {
	if len(s) < 3 || s[0] != '%' {
		return false
	}
	if s[1:3] == "25" {
		return true
	}
	return strings.IndexByte(hexDigits, s[1]) >= 8 && strings.IndexByte(hexDigits, s[2]) >= 0
}

// Alike finds names that differ only in letter case, blanks around them, or the way in which
// Unicode composes letters (macOS and Linux name files differently). Each group is sorted.
func Alike(names []string) [][]string {
	byKey := map[string]map[string]bool{}
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			continue
		}
		seen[name] = true
		key := norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(name))))
		if byKey[key] == nil {
			byKey[key] = map[string]bool{}
		}
		byKey[key][name] = true
	}
	var groups [][]string
	for _, group := range byKey {
		if len(group) > 1 {
			groups = append(groups, slices.Sorted(maps.Keys(group)))
		}
	}
	slices.SortFunc(groups, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	return groups
}
