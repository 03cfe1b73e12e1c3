package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"fovea/featurestore"
	"fovea/internal/s3test"
	"fovea/objects"
)

// former is a dataset that an earlier version wrote, with manifest.json and errors.parquet at its
// top: 29 rows in two shards and two failures.
var former = filepath.Join("..", "..", "featurestore", "testdata", "former", "parquet-float32")

// putFormer copies that dataset into the store.
func putFormer(t *testing.T, url string) {
	t.Helper()
	folder, err := objects.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	for _, name := range []string{"manifest.json", "errors.parquet", "data/part-00000.parquet", "data/part-00001.parquet"} {
		content, err := os.ReadFile(filepath.Join(former, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := folder.Put(context.Background(), name, strings.NewReader(string(content)), int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
}

// resumeFormer goes on with it, by one more row.
func resumeFormer(t *testing.T, url, staging string, overwrite bool) error {
	t.Helper()
	d, err := featurestore.Open(former)
	if err != nil {
		t.Fatal(err)
	}
	m, ctx := d.Manifest(), context.Background()
	o, err := Create(ctx, url, Options{Staging: staging, Resume: !overwrite, Overwrite: overwrite})
	if err != nil {
		return err
	}
	w, err := featurestore.Create(o.Dir, featurestore.Info{Recipe: m.Recipe, DType: m.DType, ToolVersion: m.ToolVersion},
		featurestore.Options{Resume: !overwrite, Overwrite: overwrite, Written: o.Written})
	if err != nil {
		return errors.Join(err, o.Abandon(ctx))
	}
	row := featurestore.Row{Path: "one more.jpg"}
	for _, l := range m.Recipe.Layers {
		row.Features = append(row.Features, make([]float32, l.Size()))
	}
	if !w.Done()[row.Path] {
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return o.Finish(ctx)
}

// checkFormer looks at what has become of it.
func checkFormer(t *testing.T, server *s3test.Server, name string, rows, failures int) {
	t.Helper()
	for key := range server.Keys(t, name+"/") {
		if file := strings.TrimPrefix(key, name+"/"); !featurestore.IsShard(file) && file != featurestore.ManifestFile && file != featurestore.FailuresFile {
			t.Errorf("%s: %s is still there", name, file)
		}
	}
	readFormer(t, server, name, rows, failures)
}

func readFormer(t *testing.T, server *s3test.Server, name string, rows, failures int) {
	t.Helper()
	dir, done, err := Fetch(context.Background(), server.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := featurestore.Verify(dir); err != nil {
		t.Error(err)
	}
	d, err := featurestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	failed, err := d.Failures()
	if err != nil || d.Rows() != rows || len(failed) != failures {
		t.Errorf("%s has %d rows and %d failures, want %d and %d: %v", name, d.Rows(), len(failed), rows, failures, err)
	}
}

func TestFormer(t *testing.T) {
	server := serve(t)
	putFormer(t, server.URL("set"))
	readFormer(t, server, "set", 29, 2)
	if err := resumeFormer(t, server.URL("set"), t.TempDir(), false); err != nil {
		t.Fatal(err)
	}
	checkFormer(t, server, "set", 30, 2)
	putFormer(t, server.URL("over"))
	if err := resumeFormer(t, server.URL("over"), t.TempDir(), true); err != nil {
		t.Fatal(err)
	}
	checkFormer(t, server, "over", 1, 0)
}

// TestFormerFailingServer has the server fail for good from the n-th request on, for every n, while
// a dataset of an earlier version is gone on with: neither rows nor failures may be lost.
func TestFormerFailingServer(t *testing.T) {
	server := serve(t)
	for n := int32(1); ; n++ {
		name := fmt.Sprintf("failing%d", n)
		putFormer(t, server.URL(name))
		staging := t.TempDir()
		var requests atomic.Int32
		server.Break(func(w http.ResponseWriter, _ *http.Request) bool {
			if requests.Add(1) < n {
				return false
			}
			s3test.Answer(w, http.StatusBadRequest, "Away")
			return true
		})
		err := resumeFormer(t, server.URL(name), staging, false)
		server.Break(nil)
		if err == nil {
			if n < 8 {
				t.Fatalf("it takes %d requests only", n)
			}
			checkFormer(t, server, name, 30, 2)
			return
		}
		if n%2 == 0 { // on another machine, when the lock is old enough
			staging = t.TempDir()
			if _, err := server.Backend.DeleteObject(s3test.Bucket, name+"/"+lockObject); err != nil {
				t.Fatal(err)
			}
		}
		if err := resumeFormer(t, server.URL(name), staging, false); err != nil {
			t.Fatalf("after %d requests it cannot be gone on with: %v", n, err)
		}
		checkFormer(t, server, name, 30, 2)
	}
}

// A program of an earlier version that writes there is respected.
func TestFormerLock(t *testing.T) {
	server, ctx := serve(t), context.Background()
	putFormer(t, server.URL("set"))
	folder, err := objects.Open(ctx, server.URL("set"))
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(ctx, formerLock, newNote("another")); err != nil {
		t.Fatal(err)
	}
	if err := resumeFormer(t, server.URL("set"), t.TempDir(), false); !errors.Is(err, featurestore.ErrLocked) || !strings.Contains(err.Error(), "delete the object .lock") {
		t.Errorf("got %v, want ErrLocked", err)
	}
	if err := folder.Delete(ctx, formerLock); err != nil {
		t.Fatal(err)
	}
	if err := resumeFormer(t, server.URL("set"), t.TempDir(), false); err != nil {
		t.Error(err)
	}
}
