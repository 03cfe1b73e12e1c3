package serving

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/pipeline"
)

func TestDecisionUnknown(t *testing.T) {
	classes := []string{"cat", "dog"}
	knowing := &head.Head{Classes: classes, Novelty: &head.Novelty{}}
	for name, test := range map[string]struct {
		Decision
		head *head.Head
		fits bool
	}{
		"none":            {Decision{}, &head.Head{Classes: classes}, true},
		"unknown":         {Decision{Unknown: "neither"}, knowing, true},
		"cannot tell":     {Decision{Unknown: "neither"}, &head.Head{Classes: classes}, false},
		"a class":         {Decision{Unknown: "dog"}, knowing, false},
		"unsure":          {Decision{Unknown: "unsure", Unsure: "unsure", Threshold: 0.5}, knowing, false},
		"never unsure":    {Decision{Unknown: "unsure", Unsure: "unsure"}, knowing, true},
		"both, different": {Decision{Unknown: "unknown", Unsure: "unsure", Threshold: 0.5}, knowing, true},
	} {
		if err := test.CheckUnknown(test.head); (err == nil) != test.fits || err != nil && !errors.Is(err, ErrDecision) {
			t.Errorf("%s: %v", name, err)
		}
	}
	at := func(v float64) *float64 { return &v }
	d := Decision{Unknown: "neither", Threshold: 0.9, Unsure: "unsure"}
	for _, test := range []struct {
		outcome Outcome
		want    string
	}{
		{Outcome{[]float64{0.95, 0.05}, nil}, "cat"},
		{Outcome{[]float64{0.95, 0.05}, at(1)}, "cat"},
		{Outcome{[]float64{0.95, 0.05}, at(1.01)}, "neither"},
		{Outcome{[]float64{0.5, 0.5}, at(0.5)}, "unsure"},
		{Outcome{[]float64{0.5, 0.5}, at(1.5)}, "neither"},
	} {
		if got := d.Decide(test.outcome, classes); got != test.want {
			t.Errorf("%v is %q, want %q", test.outcome, got, test.want)
		}
	}
	if got := (Decision{}).Decide(Outcome{[]float64{0.5, 0.4}, at(9)}, classes); got != "cat" {
		t.Errorf("without a label for unknown images, one is %q", got)
	}
}

// knowing gives a head a novelty model of what the predictor computes of a file.
func knowing(t testing.TB, h *head.Head, p *Predictor, file string) {
	t.Helper()
	values, err := p.Decode(read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	features, err := p.extractor.Extract(values, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, err := h.Join(features, 1)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 24
	random, labels := rand.New(rand.NewPCG(1, 2)), make([]string, rows)
	m := head.Matrix{Rows: rows, Cols: x.Cols}
	for i := range labels {
		labels[i] = h.Classes[i%2]
		for _, v := range x.Row(0) {
			m.Data = append(m.Data, v*float32(1+0.02*random.NormFloat64()))
		}
	}
	if h.Novelty, err = head.TrainNovelty(t.Context(), m, labels, head.NoveltyOptions{Layers: h.Layers, Rate: 0.05}); err != nil {
		t.Fatal(err)
	}
}

// All ways to a prediction give the same novelty and label: alone, in a pipeline, over HTTP and exported.
func TestNoveltyAgrees(t *testing.T) {
	h, o := smallHead(t)
	o.Convolutions, o.AnyBatch, o.Batch = models.Direct, true, 2
	p := open(t, h, o)
	files := photoFiles(t)[:4]
	knowing(t, h, p, files[0])
	d := Decision{Unknown: "neither"}
	written := &kept{}
	var listing pipeline.Listing
	for _, file := range files {
		listing.Items = append(listing.Items, pipeline.Item{Path: file, File: file, Argument: file})
	}
	if _, err := p.PredictAll(t.Context(), listing, written, d, nil); err != nil {
		t.Fatal(err)
	}
	server, err := NewServer(p, ServerOptions{MaxBytes: 1 << 22, Timeout: usual.Timeout, Decision: d})
	if err != nil {
		t.Fatal(err)
	}
	url, _ := start(t, server)
	dir, above, images := filepath.Join(t.TempDir(), "1"), 0, []Image{}
	for i, file := range files {
		want, err := p.Predict(read(t, file))
		if err != nil || want.Novelty == nil {
			t.Fatalf("%v, %v", want, err)
		}
		label := d.Decide(want, h.Classes)
		if *want.Novelty > 1 {
			above++
		}
		if row := written.rows[i]; row.Label != label || math.Abs(*row.Novelty-*want.Novelty) > 1e-3 {
			t.Errorf("%s is written as %s with the novelty %v, want %s, %v", file, row.Label, *row.Novelty, label, *want.Novelty)
		}
		var answer struct {
			Label   string
			Novelty float64
		}
		if status, body := post(t, url, read(t, file)); status != 200 || json.Unmarshal([]byte(body), &answer) != nil || answer.Label != label || math.Abs(answer.Novelty-*want.Novelty) > 1e-3 {
			t.Errorf("%s is answered by %s, want %s, %v", file, body, label, *want.Novelty)
		}
		images = append(images, Image{file, read(t, file)})
	}
	if above == 0 || above == len(files) {
		t.Errorf("%d of %d photos are above the cutoff", above, len(files))
	}
	if err := p.Export(dir, "neither"); err != nil {
		t.Fatal(err)
	}
	c, err := p.Compare(dir, inference.SessionConfig{}, images)
	if err != nil || c.Failed != 0 || c.Novelty == nil || *c.Novelty > 0.05 {
		t.Errorf("%+v, %v", c, err)
	}
	without, _ := smallHead(t)
	if _, err := NewServer(open(t, without, o), ServerOptions{MaxBytes: 1 << 22, Timeout: usual.Timeout, Decision: d}); !errors.Is(err, ErrDecision) {
		t.Errorf("a head that cannot tell is served with a label for unknown images: %v", err)
	}
}
