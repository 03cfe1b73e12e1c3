package extraction

import (
	"os"
	"path/filepath"
	"testing"
)

// TestKeyInside: a key in the dataset is recognized through links to either.
func TestKeyInside(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	for _, err := range []error{
		os.MkdirAll(at("out/deep"), 0o755), os.MkdirAll(at("keys"), 0o755), os.WriteFile(at("out/key"), nil, 0o600),
		os.Symlink("out", at("link")), os.Symlink("../out/key", at("keys/leads-in")), os.Symlink("out/deep", at("deep")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		dir, key string
		inside   bool
	}{
		{"out", "out/key", true}, {"out", "out/deep/new", true}, {"link", "out/key", true}, {"out", "link/new", true},
		{"out", "keys/leads-in", true}, {"out", "deep/new", true}, {"link", "deep/new", true}, {"nowhere", "nowhere/key", true},
		{"out", "keys/new", false}, {"out", "out-key", false}, {"link", "keys/new", false}, {"nowhere", "keys/new", false}, {"out/deep", "out/key", false},
	} {
		if got := inside(at(test.dir), at(test.key)); got != test.inside {
			t.Errorf("%s in %s: %v", test.key, test.dir, got)
		}
	}
}
