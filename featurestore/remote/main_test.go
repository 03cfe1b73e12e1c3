package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/s3test"
	"fovea/objects"
	"fovea/preprocessing"
	"fovea/recipe"
)

func TestMain(m *testing.M) {
	objects.DefaultPatience = objects.Patience{Answer: 30 * time.Second, PerByte: time.Microsecond}
	fetchPauses = []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond}
	for name, value := range s3test.Environment() {
		_ = os.Setenv(name, value)
	}
	_ = os.Setenv("AWS_MAX_ATTEMPTS", "1") // what fails in these tests fails for good
	if url := os.Getenv(uploadVariable); url != "" {
		os.Exit(upload1(url))
	}
	logrus.SetLevel(logrus.ErrorLevel)
	// Hundreds of datasets are written, whose way through the store is looked at and not that to the disk.
	dir, err := os.MkdirTemp("/dev/shm", "fovea-test-")
	if err == nil {
		_ = os.Setenv("TMPDIR", dir)
	}
	status := m.Run()
	if err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(status)
}

// serve starts a server for a test, which may run beside others.
func serve(t *testing.T) *s3test.Server {
	t.Helper()
	server := s3test.New()
	t.Cleanup(server.Close)
	return server
}

func openFolder(t *testing.T, url string) *objects.Folder {
	t.Helper()
	folder, err := objects.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	return folder
}

func putObject(t *testing.T, folder *objects.Folder, name, content string) {
	t.Helper()
	if err := folder.Put(context.Background(), name, strings.NewReader(content), int64(len(content))); err != nil {
		t.Fatal(err)
	}
}

var info = featurestore.Info{Recipe: recipe.Recipe{
	Model: "small", ModelSHA256: strings.Repeat("0", 64), Preprocessing: preprocessing.None, Resize: "squash", Interpolation: "bilinear", Precision: "float32",
	InputHeight: 4, InputWidth: 4, Layers: []recipe.Layer{{Name: "x", Shape: []int{3}, Layout: "C"}},
}}

// fillLabeled appends the rows that a writer lacks, up to one, all of one label.
func fillLabeled(w *featurestore.Writer, label string, rows int) error {
	for i := w.Rows(); i < rows; i++ {
		row := featurestore.Row{Path: fmt.Sprintf("%04d.jpg", i), Label: label, SHA256: fmt.Sprintf("%064x", i), Width: 1, Height: 1, Features: [][]float32{{float32(i), 1, 2}}}
		if err := w.Append(row); err != nil {
			return err
		}
	}
	if !w.Done()["broken.jpg"] && rows > 4 {
		return w.AppendFailure(featurestore.Failure{Path: "broken.jpg", Stage: "decode", Reason: "it is broken"})
	}
	return nil
}

// writeLabeled writes a dataset of so many rows to a URL, three rows in a shard, as the command does.
func writeLabeled(url string, options Options, label string, rows int, status featurestore.Status) error {
	ctx := context.Background()
	o, err := Create(ctx, url, options)
	if err != nil {
		return err
	}
	w, err := featurestore.Create(o.Dir, info, featurestore.Options{ShardRows: 3, Resume: options.Resume, Overwrite: options.Overwrite, Written: o.Written})
	if err != nil {
		return errors.Join(err, o.Abandon(ctx))
	}
	if err := fillLabeled(w, label, rows); err != nil {
		return errors.Join(err, w.Abort(), o.Abandon(ctx))
	}
	if status == featurestore.StatusWriting {
		return errors.Join(w.Abort(), o.Abandon(ctx))
	}
	if err := w.Close(status); err != nil {
		return errors.Join(err, o.Abandon(ctx))
	}
	return o.Finish(ctx)
}

// content is what a reader sees of a dataset.
type content struct {
	label  string
	rows   int
	status featurestore.Status
}

// contentOf fetches and reads a dataset, which must be one from its first row to its last.
func contentOf(url string) (content, error) {
	ctx := context.Background()
	dir, done, err := Fetch(ctx, url)
	if err != nil {
		return content{}, err
	}
	defer done()
	if err := featurestore.Verify(dir); err != nil {
		return content{}, err
	}
	d, err := featurestore.Open(dir)
	if err != nil {
		return content{}, err
	}
	if d.Rows() == 0 {
		return content{status: d.Manifest().Status}, nil
	}
	table, err := d.Matrix(ctx, "x")
	if err != nil {
		return content{}, err
	}
	c := content{rows: len(table.Paths), status: d.Manifest().Status}
	for i, path := range table.Paths {
		if i == 0 {
			c.label = table.Labels[0]
		}
		if path != fmt.Sprintf("%04d.jpg", i) || table.Labels[i] != c.label || table.Data[i*table.Cols] != float32(i) {
			return c, fmt.Errorf("row %d is %s of %q, after those of %q", i, path, table.Labels[i], c.label)
		}
	}
	return c, nil
}

// local are the files of a dataset as fillLabeled makes it in a directory, but for its manifest.
func local(t *testing.T, label string, rows int) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	w, err := featurestore.Create(dir, info, featurestore.Options{ShardRows: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(fillLabeled(w, label, rows), w.Close(featurestore.StatusComplete)); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	names, _ := filepath.Glob(filepath.Join(dir, "data", "*"))
	sides, err := sideFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sides {
		names = append(names, filepath.Join(dir, name))
	}
	for _, name := range names {
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
	if _, err := contentOf(server.URL(prefix)); err != nil {
		t.Error(err)
	}
}
