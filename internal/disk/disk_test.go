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
