package featurestore

import "fovea/internal/spelling"

// EscapeText makes any bytes valid UTF-8, as string columns must be. File names on Unix may
// hold any bytes, and a picture must not be lost for its name.
//
// Each byte that is not part of valid UTF-8 becomes %XX in upper-case hex (always %80 to
// %FF). A percent sign becomes %25 only where it would otherwise read as such an escape, so
// that almost every name, "100%.jpg" included, stays as it is. UnescapeText inverts it.
func EscapeText(s string) string { return spelling.Spell(s) }

// UnescapeText returns what EscapeText was given.
func UnescapeText(s string) string { return spelling.Unspell(s) }
