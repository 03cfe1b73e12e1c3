package remote

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/featurestore"
)

// TestFolderMarkers has the objects lie about that consoles and Hadoop's programs put for folders.
func TestFolderMarkers(t *testing.T) {
	server := serve(t)
	marked := []string{"set/", "set/data/", "set/.fovea/", "set/.fovea/seen/", "set_$folder$", "set/data_$folder$", "set/.fovea_$folder$", "set/data/old_$folder$"}
	for _, name := range marked {
		server.Put(t, name, nil)
	}
	url := server.URL("set")
	if _, err := contentOf(url); !errors.Is(err, featurestore.ErrNotDataset) {
		t.Errorf("folders alone give %v", err)
	}
	staging := t.TempDir()
	for _, step := range []struct {
		options Options
		label   string
		rows    int
		status  featurestore.Status
	}{
		{Options{Staging: staging}, "a", 5, featurestore.StatusInterrupted},
		{Options{Staging: staging, Resume: true}, "a", 7, featurestore.StatusInterrupted},
		{Options{Staging: t.TempDir(), Resume: true}, "a", 11, featurestore.StatusComplete},
		{Options{Staging: staging, Overwrite: true}, "b", 4, featurestore.StatusComplete},
	} {
		if err := writeLabeled(url, step.options, step.label, step.rows, step.status); err != nil {
			t.Fatalf("%+v: %v", step, err)
		}
		if c, err := contentOf(url); err != nil || c != (content{step.label, step.rows, step.status}) {
			t.Errorf("%+v is read as %+v, %v", step, c, err)
		}
	}
	keys := server.Keys(t, "")
	for _, name := range marked {
		if _, ok := keys[name]; !ok {
			t.Errorf("%s is gone", name)
		}
	}
}

// TestOneStaging spells one URL in several ways.
func TestOneStaging(t *testing.T) {
	server := serve(t)
	url, staging := server.URL("a/set"), t.TempDir()
	if err := writeLabeled(url, Options{Staging: staging}, "a", 5, featurestore.StatusInterrupted); err != nil {
		t.Fatal(err)
	}
	name, query, _ := strings.Cut(url, "?")
	parameters := strings.Split(query, "&")
	parameters[0], parameters[1] = parameters[1], parameters[0]
	for _, url := range []string{name + "/?" + query, name + "?" + strings.Join(parameters, "&"), strings.Replace(url, "set", "%73et", 1)} {
		if err := writeLabeled(url, Options{Staging: staging, Resume: true}, "a", 5, featurestore.StatusInterrupted); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if entries, _ := os.ReadDir(staging); len(entries) != 1 {
			t.Errorf("%s makes %d staging directories", url, len(entries))
		}
	}
	if dir := stagingOf(staging, url, openFolder(t, url)); !hasManifest(filepath.Join(dir, "dataset")) {
		t.Errorf("%s is not the staging directory", dir)
	}
	other := strings.Replace(url, "set", "set#2", 1)
	if err := writeLabeled(other, Options{Staging: staging}, "b", 5, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	if c, err := contentOf(url); err != nil || c.label != "a" {
		t.Errorf("beside set#2, set is %+v, %v", c, err)
	}
	if c, err := contentOf(strings.Replace(url, "set", "set%232/", 1)); err != nil || c.label != "b" {
		t.Errorf("set#2 is %+v, %v", c, err)
	}
}

// TestSideFiles carries the files beside the shards to the store, out of it, and off it.
func TestSideFiles(t *testing.T) {
	server, ctx := serve(t), context.Background()
	url := server.URL("set")
	write := func(options Options, status featurestore.Status, sides map[string]string) {
		t.Helper()
		o, err := Create(ctx, url, options)
		if err != nil {
			t.Fatal(err)
		}
		w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Resume: options.Resume, Overwrite: options.Overwrite, Written: o.Written})
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range sides {
			name = filepath.Join(o.Dir, name)
			if content == "" {
				err = errors.Join(err, os.Remove(name))
				continue
			}
			err = errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o644))
		}
		if err := errors.Join(err, fillLabeled(w, "a", 8), w.Close(status), o.Finish(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(sides map[string]string) {
		t.Helper()
		dir, done, err := Fetch(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		names, err := sideFiles(dir)
		got := map[string]string{}
		for _, name := range names {
			content, _ := os.ReadFile(filepath.Join(dir, name))
			if got[name] = string(content); name == featurestore.FailuresFile {
				delete(got, name)
			}
		}
		if err != nil || !maps.Equal(got, sides) {
			t.Errorf("the store has %v, %v, want %v", got, err, sides)
		}
	}
	write(Options{Staging: t.TempDir()}, featurestore.StatusInterrupted, map[string]string{".fovea/seen/part-00000": "first", ".fovea/seen/x/y": "deep"})
	want(map[string]string{".fovea/seen/part-00000": "first", ".fovea/seen/x/y": "deep"})
	// On another machine they are restored, changed and removed.
	write(Options{Staging: t.TempDir(), Resume: true}, featurestore.StatusComplete, map[string]string{".fovea/seen/part-00000": "second", ".fovea/seen/x/y": ""})
	want(map[string]string{".fovea/seen/part-00000": "second"})
	write(Options{Staging: t.TempDir(), Overwrite: true}, featurestore.StatusComplete, nil)
	want(map[string]string{})
}

// A name that the provider's library would change is refused before anything is written.
func TestOddNames(t *testing.T) {
	staging := t.TempDir()
	for _, name := range []string{"a%0Ab", "__0x41__", "../../x"} {
		server := serve(t)
		err := writeLabeled(server.URL(name), Options{Staging: staging}, "a", 5, featurestore.StatusComplete)
		if err == nil || !strings.Contains(err.Error(), "choose another name") {
			t.Errorf("%q gives %v", name, err)
		}
		if keys := server.Keys(t, ""); len(keys) > 0 {
			t.Errorf("%q: %d objects are there", name, len(keys))
		}
	}
}

// A directory with rows of one dataset does not go on with another one that has taken its place.
func TestResumeAnothers(t *testing.T) {
	server, staging := serve(t), t.TempDir()
	url := server.URL("set")
	for _, step := range []struct {
		options Options
		label   string
	}{
		{Options{Staging: staging}, "a"},
		{Options{Staging: t.TempDir(), Overwrite: true}, "b"},
		{Options{Staging: staging, Resume: true}, "a"}, // which has no further rows
	} {
		if err := writeLabeled(url, step.options, step.label, 2, featurestore.StatusInterrupted); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := contentOf(url); err != nil || c.label != "b" {
		t.Errorf("the store holds %+v, %v", c, err)
	}
}
