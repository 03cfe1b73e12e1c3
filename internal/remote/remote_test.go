package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fovea/featurestore"
	"fovea/internal/s3test"
	"fovea/objects"
	"fovea/preprocessing"
	"fovea/recipe"
)

func TestMain(m *testing.M) {
	objects.DefaultPatience = objects.Patience{Answer: 30 * time.Second, PerByte: time.Microsecond}
	os.Exit(m.Run())
}

var info = featurestore.Info{Recipe: recipe.Recipe{
	Model: "small", ModelSHA256: strings.Repeat("0", 64), Preprocessing: preprocessing.None, Resize: "squash", Interpolation: "bilinear", Precision: "float32",
	InputHeight: 4, InputWidth: 4, Layers: []recipe.Layer{{Name: "x", Shape: []int{3}, Layout: "C"}},
}}

// fill appends the rows that a writer lacks, up to one.
func fill(t *testing.T, w *featurestore.Writer, rows int) {
	t.Helper()
	for i := w.Rows(); i < rows; i++ {
		row := featurestore.Row{Path: fmt.Sprintf("%04d.jpg", i), Label: "abc"[i%3 : i%3+1], SHA256: fmt.Sprintf("%064x", i), Width: 1, Height: 1, Features: [][]float32{{float32(i), 1, 2}}}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if !w.Done()["broken.jpg"] && rows > 4 {
		if err := w.AppendFailure(featurestore.Failure{Path: "broken.jpg", Stage: "decode", Reason: "it is broken"}); err != nil {
			t.Fatal(err)
		}
	}
}

// write writes a dataset of so many rows to a URL, three rows in a shard, as the command does.
func write(t *testing.T, url string, options Options, rows int, status featurestore.Status) error {
	t.Helper()
	o, err := Create(context.Background(), url, options)
	if err != nil {
		return err
	}
	w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Resume: options.Resume, Overwrite: options.Overwrite, Written: o.Written})
	if err != nil {
		return errors.Join(err, o.Abandon(context.Background()))
	}
	fill(t, w, rows)
	if status == featurestore.StatusWriting {
		return errors.Join(w.Abort(), o.Abandon(context.Background()))
	}
	if err := w.Close(status); err != nil {
		t.Fatal(err)
	}
	return o.Finish(context.Background())
}

// local are the files of the same dataset in a directory, but for its manifest.
func local(t *testing.T, rows int) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	w, err := featurestore.Create(dir, info, featurestore.Options{ShardRows: 3})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w, rows)
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	names, _ := filepath.Glob(filepath.Join(dir, "data", "*"))
	for _, name := range append(names, filepath.Join(dir, ".fovea", "errors.jsonl")) {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		name, _ = filepath.Rel(dir, name)
		files[filepath.ToSlash(name)] = content
	}
	return files
}

// check compares what is in the store with the files of a directory and reads it.
func check(t *testing.T, server *s3test.Server, prefix string, want map[string][]byte) {
	t.Helper()
	keys := server.Keys(t, prefix+"/")
	for name, content := range want {
		if !bytes.Equal(keys[prefix+"/"+name], content) {
			t.Errorf("%s differs from the one in a directory", name)
		}
	}
	if len(keys) != len(want)+1 {
		t.Errorf("there are %d objects, want %d", len(keys), len(want)+1)
	}
	dir, done, err := Fetch(context.Background(), server.URL(prefix))
	if err != nil {
		t.Fatal(err)
	}
	if err := featurestore.Verify(dir); err != nil {
		t.Error(err)
	}
	if done(); exists(dir) {
		t.Error("the temporary directory is still there")
	}
}

func TestWrite(t *testing.T) {
	server, want := s3test.Start(t), local(t, 11)
	options := Options{Staging: t.TempDir()}
	if err := write(t, server.URL("set"), options, 11, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	check(t, server, "set", want)
	if left, _ := os.ReadDir(options.Staging); len(left) > 0 {
		t.Errorf("%s is left in the staging directory", left[0].Name())
	}
	if err := write(t, server.URL("set"), options, 11, featurestore.StatusComplete); !errors.Is(err, featurestore.ErrExists) {
		t.Errorf("a dataset that is there gives %v", err)
	}
	options.Overwrite = true
	if err := write(t, server.URL("set"), options, 5, featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	check(t, server, "set", local(t, 5))

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
			if err := write(t, server.URL("set"), options, rows, status); err != nil {
				t.Fatal(err)
			}
			check(t, server, "set", local(t, rows))
		}
	}

	// Nothing is left of one that nothing came of.
	if err := write(t, server.URL("nothing"), Options{Staging: t.TempDir()}, 2, featurestore.StatusWriting); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(t, "nothing"); len(keys) > 0 {
		t.Errorf("a dataset that was given up leaves %d objects", len(keys))
	}
}

// TestFailingServer has the server fail for good from the n-th request on, for every n, as if
// the machine had been cut off, and looks at what it holds.
func TestFailingServer(t *testing.T) {
	server, want := s3test.Start(t), local(t, 11)
	for n := int32(1); ; n++ {
		name := fmt.Sprintf("failing%d", n)
		options := Options{Staging: t.TempDir()}
		var requests atomic.Int32
		server.Break(func(w http.ResponseWriter, r *http.Request) bool {
			if requests.Add(1) < n {
				return false
			}
			s3test.Answer(w, http.StatusBadRequest, "Away") // which the provider's library does not try again
			return true
		})
		err := write(t, server.URL(name), options, 11, featurestore.StatusComplete)
		server.Break(nil)
		if err == nil {
			if n < 8 {
				t.Fatalf("it takes %d requests only", n)
			}
			check(t, server, name, want)
			return
		}
		if !strings.Contains(err.Error(), "s3://bucket/"+name) {
			t.Errorf("after %d requests the error does not name the dataset: %v", n, err)
		}
		for key, content := range server.Keys(t, name+"/") {
			file := strings.TrimPrefix(key, name+"/")
			switch file {
			case lockObject:
			case featurestore.ManifestFile:
				m, err := featurestore.ParseManifest(content)
				if err != nil || m.Status != featurestore.StatusWriting && server.Keys(t, name+"/data/part-00003") == nil {
					t.Errorf("after %d requests the manifest says %s, %v", n, m.Status, err)
				}
			default:
				if !bytes.Equal(content, want[file]) {
					t.Errorf("after %d requests %s is not what it should become", n, file)
				}
			}
		}
		options.Resume = true
		if n%2 == 0 { // on another machine, when the lock is old enough
			options.Staging = t.TempDir()
			if _, err := server.Backend.DeleteObject(s3test.Bucket, name+"/"+lockObject); err != nil {
				t.Fatal(err)
			}
		}
		if err := write(t, server.URL(name), options, 11, featurestore.StatusComplete); err != nil {
			t.Fatalf("after %d requests it cannot be gone on with: %v", n, err)
		}
		check(t, server, name, want)
	}
}

func TestLock(t *testing.T) {
	server, ctx := s3test.Start(t), context.Background()
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
	server, ctx := s3test.Start(t), context.Background()
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
	put("cats/x.jpg", "a picture")
	for _, overwrite := range []bool{false, true} {
		if _, err := Create(ctx, server.URL("photos"), Options{Staging: t.TempDir(), Overwrite: overwrite}); !errors.Is(err, featurestore.ErrNotDataset) {
			t.Errorf("a folder of other objects gives %v", err)
		}
	}
	if _, _, err := Fetch(ctx, server.URL("photos")); !errors.Is(err, featurestore.ErrNotDataset) {
		t.Errorf("fetching it gives %v", err)
	}
	put("data/x.jpg", "a picture")
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
