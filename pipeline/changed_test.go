package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestChanged(t *testing.T) {
	root := tree(t, map[string]string{"same.jpg": "a", "other.jpg": "b", "moved.jpg": "c", "touched.jpg": "d", "new.jpg": "e", "gone.jpg": "f", "photos.tar": "g"})
	known := map[string]string{}
	var items []Item
	for _, name := range []string{"same.jpg", "other.jpg", "moved.jpg", "touched.jpg", "new.jpg", "gone.jpg", "photos.tar"} {
		file := filepath.Join(root, name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		item := Item{Path: name, File: file}
		if name == "photos.tar" {
			item.Path, data = "in/photos.jpg", []byte("another")
		}
		items = append(items, item)
		if sum := sha256.Sum256(data); name != "new.jpg" {
			known[item.Path] = hex.EncodeToString(sum[:])
		}
	}
	since := time.Now()
	time.Sleep(20 * time.Millisecond) // file systems' clocks are coarse
	old := filepath.Join(root, "old")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(root, "other.jpg"), []byte("changed"), 0o644))
	must(os.WriteFile(old, []byte("older"), 0o644))
	must(os.Chtimes(old, since.Add(-time.Hour), since.Add(-time.Hour)))
	must(os.Rename(old, filepath.Join(root, "moved.jpg")))
	must(os.WriteFile(filepath.Join(root, "touched.jpg"), []byte("d"), 0o644))
	must(os.WriteFile(filepath.Join(root, "photos.tar"), []byte("changed"), 0o644))
	must(os.Remove(filepath.Join(root, "gone.jpg")))
	changed, err := Changed(context.Background(), items, known, since)
	must(err)
	if got := paths(changed); !slices.Equal(got, []string{"other.jpg", "moved.jpg"}) {
		t.Errorf("changed are %q", got)
	}
	if changed, err := Changed(context.Background(), items, known, time.Now().Add(time.Hour)); err != nil || len(changed) > 0 {
		t.Errorf("files that were not touched have changed: %v, %v", changed, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Changed(ctx, items, known, since); !errors.Is(err, context.Canceled) {
		t.Errorf("when cancelled, the error is %v", err)
	}
}
