package budget

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLine(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal:       24689480 kB\nMemAvailable:   20000 kB\nBuffers: 1 kB\n": 20000 << 10,
		"MemTotal: 24689480 kB\n": -1,
		"MemAvailable:":           -1,
		"MemAvailable: many kB":   -1,
	} {
		got, ok := memoryLine(text, "MemAvailable:")
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d bytes, want %d", text, got, want)
		}
	}
}

func TestContainerMemory(t *testing.T) {
	for _, test := range []struct {
		limit, used string
		want        int64
		limited     bool
	}{
		{"1000\n", "400\n", 600, true},
		{"1000\n", "1400\n", 0, true},
		{"max\n", "400\n", 0, false},
		{"1000\n", "", 0, false},
	} {
		root := t.TempDir()
		for name, text := range map[string]string{"memory.max": test.limit, "memory.current": test.used} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, limited := containerMemory(root)
		if limited != test.limited || limited && got != test.want {
			t.Errorf("limit %q, used %q: %d (%v), want %d (%v)", test.limit, test.used, got, limited, test.want, test.limited)
		}
	}
	if _, limited := containerMemory(t.TempDir()); limited {
		t.Error("without cgroups there is a limit")
	}
}
