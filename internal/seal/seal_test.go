package seal

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func sealedText(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text, err = Append(append(text, '\n'))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type content struct {
	Name   string         `json:"name"`
	Counts map[string]int `json:"counts"`
	// Nested holds what looks like a seal and is none.
	Nested map[string]string `json:"nested"`
}

// Every changed bit is found, or is one of the member's name, which makes an object without a
// checksum but with the same content.
func TestEveryBitCounts(t *testing.T) {
	want := content{Name: "a \u00e9", Counts: map[string]int{"cat": 3}, Nested: map[string]string{Key: "sha256:" + strings.Repeat("0", 64)}}
	text := sealedText(t, want)
	if isSealed, err := Check(text); !isSealed || err != nil {
		t.Fatalf("a sealed text: %v, %v", isSealed, err)
	}
	body, _ := json.MarshalIndent(want, "", "  ")
	name := strings.LastIndex(string(text), Key)
	if !strings.HasPrefix(string(text), strings.TrimSuffix(string(body), "\n}")) {
		t.Fatal("sealing changed the text")
	}
	passed := 0
	for at := range text {
		for bit := range 8 {
			changed := []byte(string(text))
			changed[at] ^= 1 << bit
			if isSealed, err := Check(changed); err != nil || !json.Valid(changed) {
				continue
			} else if isSealed || at < name || at >= name+len(Key) {
				t.Errorf("byte %d, bit %d is not found", at, bit)
			}
			passed++
		}
	}
	if passed > 8*len(Key) {
		t.Errorf("%d changes are not found", passed)
	}
}

func TestCheck(t *testing.T) {
	text := string(sealedText(t, content{Name: "x"}))
	for name, c := range map[string]struct {
		text   string
		sealed bool
		broken bool
	}{
		"sealed":          {text, true, false},
		"without":         {"{\n  \"name\": \"x\"\n}\n", false, false},
		"empty":           {"", false, false},
		"no object":       {`["checksum"]`, false, false},
		"cut off":         {text[:len(text)/2], false, false}, // which is no JSON
		"other line ends": {strings.ReplaceAll(text, "\n", "\r\n"), false, true},
		"in one line":     {strings.ReplaceAll(text, "\n", ""), false, true},
		"no digest":       {strings.Replace(text, "sha256:", "sha256:x", 1), false, true},
		"another case":    {strings.Replace(text, `"checksum"`, `"Checksum"`, 1), false, true},
		"another member":  {strings.Replace(text, "{\n", "{\n  \"b\": 1,\n", 1), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			isSealed, err := Check([]byte(c.text))
			if isSealed != c.sealed || (err != nil) != c.broken || err != nil && !errors.Is(err, ErrBroken) {
				t.Errorf("sealed %v, %v", isSealed, err)
			}
		})
	}
	for _, odd := range []string{"", "{}\n", "[\n 1\n]\n", "{\"a\":1}\n"} {
		if _, err := Append([]byte(odd)); err == nil {
			t.Errorf("%q was sealed", odd)
		}
	}
}
