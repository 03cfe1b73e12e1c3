package spelling

import (
	"reflect"
	"testing"
	"unicode/utf8"
)

func TestSpell(t *testing.T) {
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
		if got := Spell(test.text); got != test.want {
			t.Errorf("Spell(%q) = %q, want %q", test.text, got, test.want)
		}
		if got := Unspell(test.want); got != test.text {
			t.Errorf("Unspell(%q) = %q, want %q", test.want, got, test.text)
		}
	}
}

// TestRead: what is shown can be handed back, and what nobody has spelled stays as it is.
func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		"cat": "cat", "caf%E9": "caf\xe9", "caf%25E9": "caf%E9", "100%": "100%", "caf%C3%A9": "caf%C3%A9", "\u00e9": "\u00e9", "50%25": "50%25", "%e9": "%e9",
		"a\xe9": "a\xe9",
	} {
		if got := Read(text); got != want {
			t.Errorf("Read(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestAlike(t *testing.T) {
	got := Alike([]string{"caf\u00e9", "cafe\u0301", "dog", "Cat", "cat", "cat ", "dog", "K", "\u212a", "caf\xe9", "cafe"})
	want := [][]string{{"Cat", "cat", "cat "}, {"K", "\u212a"}, {"cafe\u0301", "caf\u00e9"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSpell(f *testing.F) {
	for _, seed := range []string{"a%25%FF", "\xff%2", "%%%25", "%\x80\xff5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := Spell(s)
		if !utf8.ValidString(escaped) {
			t.Errorf("Spell(%q) = %q is no UTF-8", s, escaped)
		}
		if Read(escaped) != s {
			t.Errorf("%q is shown as %q, which is read as %q", s, escaped, Read(escaped))
		}
		if got := Unspell(escaped); got != s {
			t.Errorf("%q became %q and then %q", s, escaped, got)
		}
	})
}
