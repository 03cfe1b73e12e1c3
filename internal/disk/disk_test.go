package disk

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMakeDir(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a", "b", "c")
	for _, want := range []bool{true, false} {
		if made, err := MakeDir(dir); err != nil || made != want {
			t.Errorf("made: %v, %v, want %v", made, err, want)
		}
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if made, err := MakeDir(filepath.Join(link, "d")); err != nil || !made {
		t.Errorf("below a link: %v, %v", made, err)
	}
	if made, err := MakeDir(link); err != nil || made {
		t.Errorf("a link to a directory: %v, %v", made, err)
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeDir(file); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file of that name: %v", err)
	}
	if _, err := MakeDir(filepath.Join(file, "x")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
}

// Either two names are exchanged, or the file system cannot, which is told from other errors.
func TestExchange(t *testing.T) {
	a, b := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	if err := Exchange(a, b); CannotExchange(err) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	for _, name := range []string{a, b} {
		if err := os.WriteFile(name, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Exchange(a, b); CannotExchange(err) {
		t.Skip("this file system exchanges no names: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{a: b, b: a} {
		if content, err := os.ReadFile(name); err != nil || string(content) != want {
			t.Errorf("%s holds %q, want %q; %v", name, content, want, err)
		}
	}
	full := filepath.Dir(b)
	if err := os.Rename(t.TempDir(), full); !CannotExchange(err) { // what some file systems do instead
		t.Errorf("a directory that is not empty: %v", err)
	}
	if CannotExchange(nil) || CannotExchange(syscall.ENOSPC) || !CannotExchange(syscall.ENOSYS) || !CannotExchange(syscall.EINVAL) {
		t.Error("other errors are told apart otherwise")
	}
}
