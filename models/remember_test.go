package models

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Only the latest of what is remembered is kept, and nothing else is removed.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write := func(name string, age int) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now, now.Add(-time.Duration(age)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for age := range 210 {
		write(fmt.Sprintf("%03d.json", age), 1+age)
	}
	write("notes.txt", 1000)
	if err := writeSealed(filepath.Join(dir, "new.json"), remembered{}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	if len(entries) != mostRemembered+1 || !there["new.json"] || !there["notes.txt"] || !there["000.json"] || there["199.json"] {
		t.Errorf("%d files are left: %v", len(entries), there)
	}
}
