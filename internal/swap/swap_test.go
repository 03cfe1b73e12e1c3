package swap

import (
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("%s holds %v, %v", dir, entries, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, name, "sub", "file"))
	if err != nil || string(data) != content {
		t.Errorf("%s holds %q, %v", dir, data, err)
	}
}

func TestReplace(t *testing.T) {
	for name, old := range map[string]func(t *testing.T, dir string){
		"nothing": func(*testing.T, string) {},
		"empty": func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "x"), "")
			os.Remove(filepath.Join(dir, "x"))
		}, //nolint:errcheck // a test
		"full": func(t *testing.T, dir string) { write(t, filepath.Join(dir, "other"), "old") },
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			next, dir := filepath.Join(parent, "next"), filepath.Join(parent, "model")
			old(t, dir)
			write(t, filepath.Join(next, "sub", "file"), "new")
			if err := Replace(next, dir); err != nil {
				t.Fatal(err)
			}
			only(t, parent, "model", "new")
		})
	}
}

func TestReplaceInSteps(t *testing.T) {
	parent := t.TempDir()
	next, dir := filepath.Join(parent, "next"), filepath.Join(parent, "model")
	write(t, filepath.Join(dir, "sub", "file"), "old")
	write(t, filepath.Join(next, "sub", "file"), "new")
	if err := exchangeInSteps(next, dir); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(next); err != nil {
		t.Fatal(err)
	}
	only(t, parent, "model", "new")
}

func TestReplaceWithNothing(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "model")
	write(t, filepath.Join(dir, "sub", "file"), "old")
	if err := Replace(filepath.Join(parent, "next"), dir); err == nil {
		t.Error("a directory that is not there replaces one")
	}
	if err := exchangeInSteps(filepath.Join(parent, "next"), dir); err == nil {
		t.Error("a directory that is not there replaces one in steps")
	}
	only(t, parent, "model", "old")
}
