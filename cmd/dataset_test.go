package cmd_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"fovea/featurestore"
	"fovea/preprocessing"
	"fovea/recipe"
)

// dataset DIR FROM TO [KEY=VALUE...]: writes a dataset with the rows FROM to TO-1, in shards
// of few rows, without a model. Cats are odd rows, dogs even ones; rows 3 and 4 are copies,
// row 5 is almost one. Keys: model, layer, format, dtype, shard (in bytes), prefix (of paths),
// status.
func dataset(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 3 {
		ts.Fatalf("usage: dataset DIR FROM TO [KEY=VALUE...]")
	}
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	values := map[string]string{"model": "vgg16", "layer": "pool5", "format": "parquet", "dtype": "float32", "shard": "200", "status": "complete"}
	for _, a := range args[3:] {
		key, value, _ := strings.Cut(a, "=")
		values[key] = value
	}
	shard, err := strconv.ParseInt(values["shard"], 10, 64)
	ts.Check(err)
	layers := []recipe.Layer{{Name: values["layer"], Shape: []int{2, 2, 3}, Layout: recipe.LayoutHWC}, {Name: "fc7", Shape: []int{5}, Layout: recipe.LayoutC}}
	w, err := featurestore.Create(ts.MkAbs(args[0]), featurestore.Info{
		Recipe: recipe.Recipe{Model: values["model"], ModelSHA256: "ab", Preprocessing: preprocessing.Caffe, Resize: "squash", InputHeight: 224, InputWidth: 224, Pool: "none", Library: "none", Layers: layers},
		DType:  featurestore.DType(values["dtype"]), ToolVersion: "v0", Device: "cpu",
	}, featurestore.Options{Format: featurestore.Format(values["format"]), ShardBytes: shard})
	ts.Check(err)
	for i := from; i < to; i++ {
		ts.Check(w.Append(datasetRow(i, values["prefix"], layers)))
	}
	ts.Check(w.AppendFailure(featurestore.Failure{Path: fmt.Sprintf("%sbroken.%d.jpg", values["prefix"], from), Stage: "decode", Reason: "no image"}))
	ts.Check(w.Close(featurestore.Status(values["status"])))
}

func datasetRow(i int, prefix string, layers []recipe.Layer) featurestore.Row {
	label := []string{"dog", "cat"}[i%2]
	row := featurestore.Row{Path: fmt.Sprintf("%s%s.%d.jpg", prefix, label, i), Label: label, Width: int32(100 + i), Height: 80}
	seed := uint64(i)
	if i == 4 || i == 5 {
		seed = 3
	}
	row.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte{byte(seed), byte(i / 5)}))
	if i == 4 {
		row.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte{3, 0}))
	}
	random := rand.New(rand.NewPCG(1, seed))
	for _, l := range layers {
		v := make([]float32, l.Size())
		for j := range v {
			v[j] = max(0, float32(random.NormFloat64()+float64(seed%2)))
		}
		v[0] = 1 // no row of zeros
		if i == 5 {
			v[0] += 1.0 / 64
		}
		row.Features = append(row.Features, v)
	}
	return row
}

// damage FILE AT: flips the bits of one byte; AT counts from the end if it is negative.
func damage(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: damage FILE AT")
	}
	raw, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(raw)
	}
	raw[at] ^= 0xff
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o644))
}
