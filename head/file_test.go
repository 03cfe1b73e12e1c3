package head

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/recipe"
)

func trained(t testing.TB) *Head {
	t.Helper()
	x, labels := clusters(30, 6, 1, 1)
	h, report, err := Train(context.Background(), x, labels, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.Layers = []recipe.Layer{{Name: "pool5", Shape: []int{6}, Layout: recipe.LayoutC}}
	h.Recipe = recipe.Recipe{Model: "vgg16", ModelSHA256: "aa", Pool: "avg", Resize: "squash", Precision: "float32", Layers: h.Layers}
	h.Notes = Notes{Seed: 1, TrainedOn: 30, Report: report, Seen: []string{"00"}}
	return h
}

func TestSaveLoad(t *testing.T) {
	saveAndLoad(t, trained(t), filepath.Join(t.TempDir(), "head.json"))
}

// saveAndLoad saves a head, which has to come back unchanged.
func saveAndLoad(t *testing.T, h *Head, name string) {
	t.Helper()
	if err := h.Save(name); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(h, got); d != "" {
		t.Errorf("the head came back changed: %s", d)
	}
}

// negated changes the sign of the first number.
func negated(encoded string) string {
	raw, _ := base64.StdEncoding.DecodeString(encoded)
	raw[3] ^= 0x80
	return base64.StdEncoding.EncodeToString(raw)
}

func reindented(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLoadRefuses(t *testing.T) {
	h, dir := withNovelty(t), t.TempDir()
	good := filepath.Join(dir, "good")
	if err := h.Save(good); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(map[string]any)) []byte {
		var object map[string]any
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatal(err)
		}
		change(object)
		delete(object, "checksum") // as who changes a file by hand has to
		edited, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		return edited
	}
	novelty := func(name string, value any) []byte {
		return edit(func(o map[string]any) { o["novelty"].(map[string]any)[name] = value })
	}
	known := func(row string) []byte {
		return edit(func(o map[string]any) { o["novelty"].(map[string]any)["known"].([]any)[2] = row })
	}
	for want, content := range map[string][]byte{
		"has 0 known rows":            novelty("known", nil),
		"has 1 known rows":            novelty("known", []string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
		"of 0 neighbours among 30":    novelty("neighbors", 0),
		"of 30 neighbours among 30":   novelty("neighbors", 30),
		"has the cutoff 0":            novelty("cutoff", 0),
		"has the cutoff -1":           novelty("cutoff", -1),
		"has the cutoff 3":            novelty("cutoff", 3),
		"cannot unmarshal":            novelty("cutoff", "0.5"),
		"has the rate 1":              novelty("rate", 1),
		"found on 0 rows":             novelty("measured", 0),
		"row 2 has 1 values, and its": known("AAAAAA=="),
		"value 1 of known row 2 is N": known("AAAAAAAAwH8AAAAAAAAAAAAAAAAAAAAA"),
		"known row 2 has the length ": known("AAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		"truncated":                   data[:len(data)/2],
		"not JSON":                    []byte("PAR1"),
		"not a head":                  []byte(`{"a":1}`),
		"its version is 6":            edit(func(o map[string]any) { o["version"] = 6 }),
		"its classes are":             edit(func(o map[string]any) { o["classes"] = []string{"cat"} }),
		"1 biases":                    edit(func(o map[string]any) { o["biases"] = "AAAAAA==" }),
		"3 bytes are not":             edit(func(o map[string]any) { o["mean"] = "AAAA" }),
		"number 0 is NaN":             edit(func(o map[string]any) { o["biases"] = "AADAfwAAAAA=" }),
		"6 means and 6 scales for a ": edit(func(o map[string]any) {
			o["layer"] = map[string]any{"name": "x", "shape": []int{7}}
			delete(o, "recipe")
		}),
		"the layer pool4[6] is not one": edit(func(o map[string]any) { o["layer"].(map[string]any)["name"] = "pool4" }),
		"the scale of column 0 is -":    edit(func(o map[string]any) { o["scale"] = negated(o["scale"].(string)) }),
		"its checksum is not that":      bytes.Replace(data, []byte(`"cat"`), []byte(`"bat"`), 1),
		"rewritten by another":          reindented(t, data),
	} {
		name := filepath.Join(dir, "bad")
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want one of %s with %q", err, name, want)
		}
	}
	if _, err := Load(dir); !errors.Is(err, ErrFile) {
		t.Errorf("a directory gives %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file gives %v", err)
	}
}

// A file of the first version is read, and its head computes what its numbers define.
func TestLoadOlder(t *testing.T) {
	h, err := Load("../testdata/heads/cats-vs-dogs.json")
	if err != nil {
		t.Fatal(err)
	}
	x := Matrix{Rows: 1, Cols: h.Columns(), Data: make([]float32, h.Columns())}
	for j := range x.Data {
		x.Data[j] = h.Standardization.Mean[j] * float32(1+0.5*math.Sin(float64(j)))
	}
	want := make([]float64, len(h.Classes))
	for c, w := range h.Weights {
		want[c] = float64(h.Biases[c])
		for j, v := range w {
			want[c] += float64(v) * float64(x.Data[j]-h.Standardization.Mean[j]) * float64(h.Standardization.Scale[j])
		}
	}
	softmax(want)
	got, err := h.Probabilities(x)
	if err != nil {
		t.Fatal(err)
	}
	if h.Hidden != nil || h.Standardization.Unit || math.Abs(got[0][0]-want[0]) > 1e-5 || want[0] < 1e-3 || want[0] > 0.999 {
		t.Errorf("probabilities are %v, want %v", got[0], want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"format":"fovea-head","version":1,"classes":["a","b"],"mean":"AAAAAA==","scale":"AAAAAA==","biases":"AAAAAAAAAAA=","weights":["AAAAAA==","AAAAAA=="],"layer":{"name":"x","shape":[1]}}`))
	f.Add([]byte(`{"format":"fovea-head","version":2,"unit":true,"classes":["a","b"],"mean":"AAAAAA==","scale":"AAAAAA==","hidden":{"weights":["AACAPw==","AACAPw=="],"biases":"AAAAAAAAAAA="},"biases":"AAAAAAAAAAA=","weights":["AAAAAAAAAAA=","AAAAAAAAAAA="],"layer":{"name":"x","shape":[1]}}`))
	f.Add([]byte(`{"format":"fovea-head","version":1,"classes":["a","b"],"mean":"AAAAAA==","scale":"AAAAAA==","biases":"AAAAAAAAAAA=","weights":["AAAAAA==","AAAAAA=="],"novelty":{"neighbors":1,"cutoff":0.5,"rate":0.05,"measured":2,"known":["AACAPw==","AACAPw=="]},"layer":{"name":"x","shape":[1]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parse(data)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Errorf("error %v is not ErrFile", err)
			}
			return
		}
		row := Matrix{Rows: 1, Cols: h.Columns(), Data: make([]float32, h.Columns())}
		if _, err := h.Probabilities(row); err != nil {
			t.Errorf("an accepted head cannot be used: %v", err)
		}
		if n, err := h.Novelties(row); err != nil || (n != nil && !(n[0] >= 0)) {
			t.Errorf("an accepted head gives the novelty %v, %v", n, err)
		}
	})
}

// A head that could not be loaded again is not written, and the existing file stays.
func TestSaveVerifies(t *testing.T) {
	good, name := trained(t), filepath.Join(t.TempDir(), "head.json")
	if err := good.Save(name); err != nil {
		t.Fatal(err)
	}
	for label, classes := range map[string][]string{
		"no UTF-8": {"caf\xe9", "caf\xea"}, "no UTF-8, one": {"cat", "caf\xe9"}, "not sorted": {"dog", "cat"}, "twice": {"cat", "cat"},
	} {
		t.Run(label, func(t *testing.T) {
			h := trained(t)
			h.Classes = classes
			if err := h.Save(name); err == nil || !strings.Contains(err.Error(), "head.json") {
				t.Errorf("error is %v", err)
			}
			if again, err := Load(name); err != nil || cmp.Diff(good, again) != "" {
				t.Errorf("the former head is gone: %v", err)
			}
		})
	}
	left, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
	if _, err := Classes([]string{"caf\xe9", "caf\xe9", "cat", "cat"}); err == nil || !strings.Contains(err.Error(), `"caf\xe9" is not UTF-8`) {
		t.Errorf("Classes: %v", err)
	}
	odd := trained(t)
	odd.Classes = []string{"a\nb", "caf%E9", "\u00e9\x01"}[:len(odd.Classes)]
	if err := odd.Save(name); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(name); err != nil || cmp.Diff(odd, again) != "" {
		t.Errorf("a head of odd classes came back changed: %v", err)
	}
}
