package featurestore

import "fovea/internal/spelling"

// EscapeText makes any bytes valid UTF-8, which string columns require. File names on Unix may contain
// any bytes, and no image must be lost because of its name.
//
// Each byte that is not part of valid UTF-8 becomes %XX in upper-case hex (always %80 to %FF). A percent
// sign becomes %25 only if it would otherwise read as such an escape, so almost every name, including
// "100%.jpg", is unchanged. UnescapeText is the inverse.
func EscapeText(s string) string { return spelling.Spell(s) }

// UnescapeText is the inverse of EscapeText.
func UnescapeText(s string) string { return spelling.Unspell(s) }
