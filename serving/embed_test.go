package serving

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	logs "github.com/sirupsen/logrus/hooks/test"

	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/head"
	"fovea/recipe"
)

// stored writes a dataset with the features of some photos, computed as extract does: by the pipeline.
func stored(t *testing.T, h *head.Head, o Options, files []string) (dir string, features [][]float32) {
	t.Helper()
	f, err := OpenFeaturizer(h.Recipe, h.LayerNames(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []featurestore.Row
	for _, file := range files {
		vectors, err := f.File(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		features = append(features, vectors[0])
		rows = append(rows, featurestore.Row{Path: filepath.Base(file), Label: filepath.Base(file)[:3], SHA256: strings.Repeat("0", 64), Width: 1, Height: 1, Features: vectors})
	}
	return written(t, f.Recipe(), rows), features
}

func written(t *testing.T, r recipe.Recipe, rows []featurestore.Row) (dir string) {
	t.Helper()
	return writtenAs(t, featurestore.StatusComplete, r, rows)
}

func writtenAs(t *testing.T, status featurestore.Status, r recipe.Recipe, rows []featurestore.Row) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "features")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: r, ToolVersion: "test", Device: "test"}, featurestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(rows...), w.Close(status)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func decoded[T any](t *testing.T, answer string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(answer), &value); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return value
}

// farthest is the largest difference of two vectors, in parts of the second one's largest value.
func farthest(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	difference, scale := 0.0, 0.0
	for i := range a {
		difference, scale = max(difference, math.Abs(float64(a[i])-float64(b[i]))), max(scale, math.Abs(float64(b[i])))
	}
	return difference / scale
}

type embedded struct {
	about
	jsonVector
}

type similarTo struct {
	about
	jsonSimilar
}

// startSearching starts a server that finds similar rows of a dataset.
func startSearching(t *testing.T, p *Predictor, dir string) (s *Server, url string) {
	t.Helper()
	n, err := p.OpenNeighbors(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	if s, err = NewServer(p, ServerOptions{Neighbors: n}); err != nil {
		t.Fatal(err)
	}
	url, _ = start(t, s)
	return s, url
}

// Features and similar rows of images are those of the dataset that the pipeline computes of the same files.
func TestEmbedAndSimilar(t *testing.T) {
	h, o := smallHead(t)
	files := photoFiles(t)
	dir, features := stored(t, h, o, files)
	o.Batch, o.AnyBatch = 4, true
	p := open(t, h, o)
	_, url := startSearching(t, p, dir)
	d, err := featurestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var contents [][]byte
	for i, file := range files {
		content := read(t, file)
		contents = append(contents, content)
		status, answer := sent(t, url+"/embed?layer="+h.Layers[0].Name, "image/jpeg", content)
		vector := decoded[jsonVector](t, answer)
		if status != 200 || vector.Layer != h.Layers[0].Name || !slices.Equal(vector.Shape, []int{4}) || farthest(vector.Values, features[i]) > 1e-5 {
			t.Errorf("%s: %d %s, want %v", file, status, answer, features[i])
		}
		want, err := explore.Nearest(t.Context(), d, explore.Selection{}, features[i], 3, -1)
		if err != nil {
			t.Fatal(err)
		}
		status, answer = sent(t, url+"/similar?k=3", "image/jpeg", content)
		got := decoded[jsonSimilar](t, answer)
		if status != 200 || got.Layer != h.Layers[0].Name || len(got.Rows) != 3 || got.Rows[0].Path != filepath.Base(file) {
			t.Fatalf("%s is like %s", file, answer)
		}
		for j, row := range got.Rows {
			if row.Row != want[j].Row || row.Label != want[j].Label || math.Abs(row.Similarity-want[j].Similarity) > 1e-6 {
				t.Errorf("%s: row %d is %+v, want %+v", file, j, row, want[j])
			}
		}
	}
	names := append(slices.Clone(files), "broken")
	kind, body := form(t, names, append(contents, []byte("no image"))...)
	_, answer := sent(t, url+"/embed", kind, body)
	for i, item := range decoded[[]embedded](t, answer) {
		if i < len(files) && (item.Status != 200 || farthest(item.Values, features[i]) > 1e-5) || i == len(files) && (item.Status != 422 || item.Values != nil) || item.Name != filepath.Base(names[i]) {
			t.Errorf("%s of several: %+v", names[i], item)
		}
	}
	_, answer = sent(t, url+"/similar?k=1", kind, body)
	for i, item := range decoded[[]similarTo](t, answer) {
		if i < len(files) && (item.Status != 200 || item.Rows[0].Path != item.Name) || i == len(files) && (item.Status != 422 || item.Rows != nil) {
			t.Errorf("%s of several is like %+v", names[i], item)
		}
	}
	inArrow(t, url, kind, body, names, features)
}

// inArrow reads the answer as an Arrow stream by another implementation.
func inArrow(t *testing.T, url, kind string, body []byte, names []string, features [][]float32) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url+"/embed", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Accept", "application/json;q=0.5, application/vnd.apache.arrow.stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != featurestore.StreamType {
		t.Fatalf("%d %s: %v", answer.StatusCode, answer.Header, err)
	}
	python := os.Getenv("FOVEA_PYTHON")
	if python == "" {
		t.Log("the Arrow stream is not read: FOVEA_PYTHON is not set: see scripts/python.sh")
		return
	}
	command := exec.Command(python, "-c", `
import json, sys, pyarrow as pa
t = pa.ipc.open_stream(sys.stdin.buffer).read_all()
print(json.dumps({"columns": t.column_names, "types": [str(f.type) for f in t.schema], "names": t[0].to_pylist(), "values": t[1].to_pylist(),
    "errors": t[2].to_pylist(), "metadata": {k.decode(): v.decode() for k, v in t.schema.metadata.items()}}))`)
	command.Stdin, command.Stderr = bytes.NewReader(content), os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	table := decoded[struct {
		Columns, Types []string
		Names          []string
		Values         [][]float32
		Errors         []*string
		Metadata       map[string]string
	}](t, string(out))
	const layer = "small/conv1/Conv2D"
	if !slices.Equal(table.Columns, []string{"name", layer, "error"}) || table.Types[1] != "fixed_size_list<item: float>[4]" || table.Metadata["features."+layer+".shape"] != "[4]" {
		t.Errorf("the table has %v of %v, %v", table.Columns, table.Types, table.Metadata)
	}
	last := len(features)
	for i := range features {
		if table.Names[i] != filepath.Base(names[i]) || table.Errors[i] != nil || farthest(table.Values[i], features[i]) > 1e-5 {
			t.Errorf("row %d is %s, %v", i, table.Names[i], table.Values[i])
		}
	}
	if len(table.Names) != last+1 || table.Values[last] != nil || !strings.Contains(*table.Errors[last], "image: header") {
		t.Errorf("what is no image is %v, %v", table.Values[last], table.Errors[last])
	}
}

// What is asked wrongly, or is not there, is refused with what to do.
func TestEmbedAndSimilarRefuse(t *testing.T) {
	url, _ := start(t, redServer(t, redPredictor(&redness{}), usual))
	for _, test := range []struct {
		path   string
		status int
		want   string
	}{
		{"/embed?layer=blue", 400, `layer=\"blue\"`},
		{"/embed?layer=red", 200, `{"layer":"red","shape":[1],"values":[200]}`},
		{"/similar", 404, "start it with --features DIR"},
	} {
		if status, answer := sent(t, url+test.path, "image/png", coloured(t, 200)); status != test.status || !strings.Contains(answer, test.want) {
			t.Errorf("%s is answered with %d %s, want %d %s", test.path, status, answer, test.status, test.want)
		}
	}
	h, o := smallHead(t)
	files := photoFiles(t)[:2]
	dir, _ := stored(t, h, o, files)
	p := open(t, h, o)
	s, searching := startSearching(t, p, dir)
	for path, want := range map[string]string{"/similar?k=0": "give a whole number from 1 to 1000", "/similar?k=1001": "from 1 to 1000", "/similar?layer=x": "use small/conv1/Conv2D"} {
		if status, answer := sent(t, searching+path, "image/jpeg", read(t, files[0])); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s is answered with %d %s, want %s", path, status, answer, want)
		}
	}
	answers := []answer{{features: [][]float32{{0, 0, 0, 0}}}}
	s.options.Neighbors.find(t.Context(), answers, 0, 1)
	if err := s.unsearched(t.Context(), &http.Request{}, answers[0].err); err == nil || !strings.Contains(err.Error(), "all features of the image are zero") {
		t.Errorf("features of zeros: %v", err)
	}
}

// Rows whose features were computed in another way are not compared.
func TestOpenNeighborsRefuses(t *testing.T) {
	h, o := smallHead(t)
	p := open(t, h, o)
	row := featurestore.Row{Path: "a", SHA256: strings.Repeat("0", 64), Width: 1, Height: 1, Features: [][]float32{{1, 2, 3, 4}}}
	for what, change := range map[string]func(r *recipe.Recipe, rows *[]featurestore.Row){
		"pool: max in the dataset, avg in the head": func(r *recipe.Recipe, _ *[]featurestore.Row) { r.Pool = "max" },
		"model SHA-256": func(r *recipe.Recipe, _ *[]featurestore.Row) { r.ModelSHA256 = strings.Repeat("0", 64) },
		"the dataset has the layers other, the head small/conv1/Conv2D": func(r *recipe.Recipe, _ *[]featurestore.Row) { r.Layers[0].Name = "other" },
		"layer small/conv1/Conv2D: small/conv1/Conv2D [2] in the dataset, small/con": func(r *recipe.Recipe, rows *[]featurestore.Row) {
			r.Layers[0].Shape = []int{2}
			(*rows)[0].Features = [][]float32{{1, 2}}
		},
		"no rows": func(_ *recipe.Recipe, rows *[]featurestore.Row) { *rows = nil },
	} {
		r, rows := p.features.recipe, []featurestore.Row{row}
		r.Layers = slices.Clone(r.Layers)
		change(&r, &rows)
		_, err := p.OpenNeighbors(t.Context(), written(t, r, rows), 0)
		if err == nil || !strings.Contains(err.Error(), what) || errors.Is(err, ErrIncomparable) == (what == "no rows") {
			t.Errorf("want %q: %v", what, err)
		}
	}
	if _, err := p.OpenNeighbors(t.Context(), t.TempDir(), 0); err == nil {
		t.Error("an empty directory is taken for a dataset")
	}
	tiles := p.features.recipe
	tiles.Tiles = "64"
	logged := logs.NewGlobal()
	defer logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{})
	for _, status := range []featurestore.Status{featurestore.StatusComplete, featurestore.StatusInterrupted} {
		if n, err := p.OpenNeighbors(t.Context(), writtenAs(t, status, tiles, []featurestore.Row{row}), 0); err != nil {
			t.Errorf("tiles: %v", err)
		} else {
			n.Close()
		}
		if last := logged.LastEntry(); (last != nil && strings.Contains(last.Message, "is not complete")) != (status == featurestore.StatusInterrupted) {
			t.Errorf("of a dataset that is %s: %+v", status, last)
		}
	}
}
