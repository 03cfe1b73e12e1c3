package finetuning

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fovea/head"
)

// flipped is what scripts/bench-suspects.sh compares with cleanlab.
type flipped struct {
	Labels        []int       `json:"labels"`
	Flipped       []int       `json:"flipped"`
	Probabilities [][]float64 `json:"probabilities"`
	Refined       [][]float64 `json:"refined"`
	Ranking       []int       `json:"ranking"`
	Likely        []int       `json:"likely"`
	Estimated     float64     `json:"estimated"`
	Seconds       float64     `json:"seconds"`
}

// TestSuspectsBench flips labels of a dataset and writes what is found. scripts/bench-suspects.sh runs it.
func TestSuspectsBench(t *testing.T) {
	dir, out := os.Getenv("FOVEA_BENCH_SUSPECTS"), os.Getenv("FOVEA_BENCH_OUT")
	if dir == "" {
		t.Skip("a measurement: run scripts/bench-suspects.sh")
	}
	share, err := strconv.ParseFloat(os.Getenv("FOVEA_BENCH_SHARE"), 64)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Source{Dir: dir}.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for seed := range strings.FieldsSeq(os.Getenv("FOVEA_BENCH_SEEDS")) {
		number, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		result := all.flip(t, share, number)
		text, err := json.Marshal(result)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, "suspects-"+seed+".json"), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// flip gives a share of the images the label of another class, and looks for them.
func (f Features) flip(t *testing.T, share float64, seed uint64) flipped {
	random := rand.New(rand.NewPCG(seed, 0))
	classes, err := head.Classes(f.Labels)
	if err != nil {
		t.Fatal(err)
	}
	changed := f
	changed.Labels = append([]string(nil), f.Labels...)
	r := flipped{Flipped: random.Perm(len(f.Labels))[:int(share*float64(len(f.Labels)))]}
	for _, i := range r.Flipped {
		for changed.Labels[i] == f.Labels[i] {
			changed.Labels[i] = classes[random.IntN(len(classes))]
		}
	}
	begin := time.Now()
	o := SuspectsOptions{Seed: 1, NearDuplicates: 0.95}
	s, p, err := o.find(context.Background(), changed)
	if err != nil {
		t.Fatal(err)
	}
	r.Seconds, r.Labels, r.Probabilities, r.Refined, r.Estimated = time.Since(begin).Seconds(), p.Y, p.Probabilities, p.Refined, s.EstimatedErrors
	row := map[string]int{}
	for i, path := range f.Paths {
		row[path] = i
	}
	for _, suspect := range s.Suspects {
		r.Ranking = append(r.Ranking, row[suspect.Path])
		if suspect.Likely {
			r.Likely = append(r.Likely, row[suspect.Path])
		}
	}
	return r
}
