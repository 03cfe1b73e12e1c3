package extraction

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"fovea/featurestore/explore"
)

// TestCopiedFiles: links lead to the files that they are of, through directories, too, and what is gone, overwritten or in
// an archive is told apart.
func TestCopiedFiles(t *testing.T) {
	root := t.TempDir()
	photos := filepath.Join(root, "photos")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(photos, "real"), 0o755))
	for _, name := range []string{"real/a.jpg", "b.jpg", "c.tar", "d#1.tif", "e.tif"} {
		must(os.WriteFile(filepath.Join(photos, name), []byte(name), 0o644))
	}
	must(os.Symlink("real", filepath.Join(photos, "alias")))
	must(os.Symlink("real/a.jpg", filepath.Join(photos, "link.jpg")))
	must(os.Symlink("nowhere.jpg", filepath.Join(photos, "broken.jpg")))
	must(os.Symlink(photos, filepath.Join(root, "here")))
	files, err := newCopiedFiles(filepath.Join(root, "here"))
	must(err)
	sum := func(text string) string { s := sha256.Sum256([]byte(text)); return hex.EncodeToString(s[:]) }
	real, err := filepath.EvalSymlinks(photos)
	must(err)
	a := explore.File{Bytes: 10, Real: filepath.Join(real, "real", "a.jpg")}
	for path, want := range map[string]explore.File{
		"real/a.jpg": a, "alias/a.jpg": a, "link.jpg": a,
		"broken.jpg": {Gone: true}, "gone.jpg": {Gone: true}, "real": {Gone: true}, "real/gone.jpg#1": {Gone: true},
		"c.tar/x/1.jpg": {}, "e.tif#224,0": {}, "d#1.tif#3": {},
	} {
		if got := files.file(path, sum("real/a.jpg")); got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	if got := files.file("b.jpg", sum("what it was")); !got.Changed || got.Gone || got.Bytes != 5 {
		t.Errorf("a file that was overwritten: %+v", got)
	}
	if _, err := newCopiedFiles(filepath.Join(root, "nowhere")); err == nil {
		t.Error("a directory that is not there is taken")
	}
}
