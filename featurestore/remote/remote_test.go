package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
	"fovea/objects"
)

func TestWrite(t *testing.T) {
	server, want := serve(t), local(t, "a", 11)
	options := Options{Staging: t.TempDir()}
	if err := writeLabeled(server.URL("set"), options, "a", 11, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	check(t, server, "set", want)
	if left, _ := os.ReadDir(options.Staging); len(left) > 0 {
		t.Errorf("%s is left in the staging directory", left[0].Name())
	}
	if err := writeLabeled(server.URL("set"), options, "a", 11, featurestore.StatusComplete); !errors.Is(err, featurestore.ErrExists) {
		t.Errorf("a dataset that is there gives %v", err)
	}
	options.Overwrite = true
	if err := writeLabeled(server.URL("set"), options, "a", 5, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	check(t, server, "set", local(t, "a", 5))

	// Gone on with, on another machine, too: the last shard was a short one.
	for _, staging := range []string{options.Staging, t.TempDir()} {
		for _, rows := range []int{5, 7, 11} {
			status := featurestore.StatusInterrupted
			if rows == 11 {
				status = featurestore.StatusComplete
			}
			options := Options{Staging: staging, Resume: true}
			if rows == 7 {
				options.Staging = t.TempDir()
			}
			if rows == 5 {
				options.Resume, options.Overwrite = false, true
			}
			if err := writeLabeled(server.URL("set"), options, "a", rows, status); err != nil {
				t.Fatal(err)
			}
			check(t, server, "set", local(t, "a", rows))
		}
	}

	// Nothing is left of one that nothing came of.
	if err := writeLabeled(server.URL("nothing"), Options{Staging: t.TempDir()}, "a", 2, featurestore.StatusWriting); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(t, "nothing"); len(keys) > 0 {
		t.Errorf("a dataset that was given up leaves %d objects", len(keys))
	}
}

func TestLock(t *testing.T) {
	server, ctx := serve(t), context.Background()
	first, err := Create(ctx, server.URL("set"), Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	staging := t.TempDir()
	for _, options := range []Options{{Staging: staging}, {Staging: staging, Resume: true}, {Staging: staging, Overwrite: true}} {
		if _, err := Create(ctx, server.URL("set"), options); !errors.Is(err, featurestore.ErrLocked) {
			t.Errorf("a second writer gets %v", err)
		}
	}
	if _, err := Create(ctx, server.URL("set"), Options{Staging: filepath.Dir(first.staging), Resume: true}); !errors.Is(err, featurestore.ErrLocked) {
		t.Errorf("a second writer of the same machine gets %v", err)
	}

	if err := lock(ctx, first.folder, first.lease.token); err != nil {
		t.Errorf("one's own lock gives %v", err)
	}
	if err := first.Abandon(ctx); err != nil {
		t.Error(err)
	}
	if keys := server.Keys(t, "set"); len(keys) > 0 {
		t.Errorf("%d objects are left", len(keys))
	}
}

func TestForeign(t *testing.T) {
	server, ctx := serve(t), context.Background()
	folder, err := objects.Open(ctx, server.URL("photos"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, content string) {
		t.Helper()
		if err := folder.Put(ctx, name, strings.NewReader(content), int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
	put("cats/x.jpg", "an image")
	for _, overwrite := range []bool{false, true} {
		if _, err := Create(ctx, server.URL("photos"), Options{Staging: t.TempDir(), Overwrite: overwrite}); !errors.Is(err, featurestore.ErrNotDataset) {
			t.Errorf("a folder of other objects gives %v", err)
		}
	}
	if _, _, err := Fetch(ctx, server.URL("photos")); !errors.Is(err, featurestore.ErrNotDataset) {
		t.Errorf("fetching it gives %v", err)
	}
	put("data/x.jpg", "an image")
	put("manifest.json", "{}")
	if _, err := Create(ctx, server.URL("photos"), Options{Staging: t.TempDir(), Overwrite: true}); !errors.Is(err, featurestore.ErrNotDataset) {
		t.Errorf("a foreign file among the shards gives %v", err)
	}
	if keys := server.Keys(t, "photos"); len(keys) != 3 {
		t.Errorf("%d objects are there, want the three", len(keys))
	}
	if _, _, err := Fetch(ctx, server.In("nowhere", "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bucket that is not there gives %v", err)
	}

	// What is no URL is left alone.
	for name, want := range map[string]string{"features": "features", "file:///a/b": "/a/b"} {
		if dir, _, err := Fetch(ctx, name); err != nil || dir != want {
			t.Errorf("%s is %s, %v", name, dir, err)
		}
	}
	err = Located(fmt.Errorf("open /tmp/x/data: %w", fs.ErrNotExist), "/tmp/x", server.URL("set"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "open s3://bucket/set/data: ") {
		t.Errorf("the error became %v", err)
	}
}
