package featurestore

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

// EscapeText makes any bytes valid UTF-8, as string columns must be. File names on Unix may
// hold any bytes, and a picture must not be lost for its name.
//
// Each byte that is not part of valid UTF-8 becomes %XX in upper-case hex (always %80 to
// %FF). A percent sign becomes %25 only where it would otherwise read as such an escape, so
// that almost every name, "100%.jpg" included, stays as it is. UnescapeText inverts it.
func EscapeText(s string) string {
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

// UnescapeText returns what EscapeText was given.
func UnescapeText(s string) string {
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
