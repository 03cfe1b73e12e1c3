package featurestore

import (
	"testing"
	"unicode/utf8"
)

func TestEscapeText(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"cat.1.jpg", "cat.1.jpg"},
		{"\U0001f98a/\u00e9.jpg", "\U0001f98a/\u00e9.jpg"},
		{"100%.jpg", "100%.jpg"},
		{"50%7F%ff%zz%", "50%7F%ff%zz%"},
		{"caf\xe9.jpg", "caf%E9.jpg"},
		{"caf%E9.jpg", "caf%25E9.jpg"},
		{"caf%25E9.jpg", "caf%2525E9.jpg"},
		{"%\xff", "%%FF"},
		{"\xf0\x9f\xa6", "%F0%9F%A6"},
		{"\ufffd", "\ufffd"},
	} {
		if got := EscapeText(test.text); got != test.want {
			t.Errorf("EscapeText(%q) = %q, want %q", test.text, got, test.want)
		}
		if got := UnescapeText(test.want); got != test.text {
			t.Errorf("UnescapeText(%q) = %q, want %q", test.want, got, test.text)
		}
	}
}

func FuzzEscapeText(f *testing.F) {
	for _, seed := range []string{"a%25%FF", "\xff%2", "%%%25", "%\x80\xff5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := EscapeText(s)
		if !utf8.ValidString(escaped) {
			t.Errorf("EscapeText(%q) = %q is no UTF-8", s, escaped)
		}
		if got := UnescapeText(escaped); got != s {
			t.Errorf("%q became %q and then %q", s, escaped, got)
		}
	})
}
