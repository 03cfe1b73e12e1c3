package budget

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	for _, test := range []struct {
		size, most int64
		fits       bool
	}{{0, 0, true}, {0, 10, true}, {10, 10, true}, {11, 10, false}, {5000, 100, false}, {5000, 5000, true}} {
		content := bytes.Repeat([]byte("x"), int(test.size))
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(name, test.most)
		if test.fits && (err != nil || !bytes.Equal(got, content)) || !test.fits && !errors.Is(err, ErrLarge) {
			t.Errorf("%d bytes of at most %d: got %d, %v", test.size, test.most, len(got), err)
		}
	}
	if _, err := ReadFile("/dev/zero", 1000); !errors.Is(err, ErrLarge) {
		t.Errorf("a device without end: %v", err)
	}
	if _, err := ReadFile(name+"-missing", 1000); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := ReadFile(t.TempDir(), 1000); err == nil {
		t.Error("a directory was read")
	}
}

// Texts as programs write them fit; lists of nothing, which take fifty times their size as Go values, do not.
func TestJSON(t *testing.T) {
	const lines = 4_000_000
	for what, test := range map[string]struct {
		text string
		fits bool
	}{
		"nothing": {"", true},
		"counts":  {"{" + strings.Repeat("\n    \"12\": 1,", lines) + "}", true},
		"numbers": {`"` + strings.Repeat("AAAA", lines) + `"`, true},
		"few":     {"[" + strings.Repeat("{},", 1000) + "]", true},
		"objects": {"[" + strings.Repeat("{},", lines) + "]", false},
		"arrays":  {"[" + strings.Repeat("[],", lines) + "]", false},
		"flat":    {strings.Repeat("0,", lines), false},
	} {
		err := For(int64(len(test.text)), Packed, 0).JSON([]byte(test.text), "a list")
		if (err == nil) != test.fits || err != nil && !errors.Is(err, ErrMemory) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := For(100, Packed, 50).JSON([]byte(`{"a":1}`), "a list"); !errors.Is(err, ErrMemory) {
		t.Errorf("more than the user allows: %v", err)
	}
}
