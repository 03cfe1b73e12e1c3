package finetuning

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/scratch"
	"fovea/preprocessing"
	"fovea/recipe"
)

// recipeOf is a recipe of VGG16's features with the given layers.
func recipeOf(layers ...recipe.Layer) recipe.Recipe {
	return recipe.Recipe{
		Model: "vgg16", ModelSHA256: strings.Repeat("ab", 32), Preprocessing: preprocessing.Caffe, Resize: "squash", Interpolation: "bilinear",
		InputHeight: 224, InputWidth: 224, Pool: recipe.PoolAverage, Precision: "float32", Library: "TensorFlow 2.18.1",
		Layers: layers,
	}
}

// clusteredDataset writes features of two classes into Arrow files.
func clusteredDataset(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "features")
	w, err := featurestore.Create(dir, featurestore.Info{Recipe: recipeOf(recipe.Layer{Name: "pool5", Shape: []int{64}, Layout: recipe.LayoutC})}, featurestore.Options{Format: featurestore.FormatArrow, ShardRows: 30})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(17, 8))
	for i := range 80 {
		v := make([]float32, 64)
		for j := range v {
			v[j] = float32(random.NormFloat64())
		}
		v[i%2] += 2
		row := featurestore.Row{Path: fmt.Sprint(i), Label: []string{"cat", "dog"}[i%2], SHA256: fmt.Sprintf("%016x%048d", i, 0), Width: 9, Height: 9, Features: [][]float32{v}}
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(featurestore.StatusComplete); err != nil {
		t.Fatal(err)
	}
	return dir
}

func trainedOn(dir string) (*head.Head, error) {
	f, err := Source{Dir: dir}.load(context.Background(), &scratch.Memory{}, nil)
	if err != nil {
		return nil, err
	}
	h, _, err := head.Train(context.Background(), f.X, f.Labels, head.TrainOptions{Lambdas: []float64{0.1}})
	return h, err
}

// No head is trained on damaged features: each of forty datasets with one other bit is refused, with
// the file's name, or gives the head that the whole one gives.
func TestTrainOnDamagedFeatures(t *testing.T) {
	dir := clusteredDataset(t)
	want, err := trainedOn(dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, featurestore.DataDir, "*.arrow"))
	if err != nil || len(files) != 3 {
		t.Fatalf("files %q, %v", files, err)
	}
	random, refused := rand.New(rand.NewPCG(17, 9)), 0
	for range 40 {
		file := files[random.IntN(len(files))]
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed := slices.Clone(whole)
		at, bit := random.IntN(len(whole)), random.IntN(8)
		changed[at] ^= 1 << bit
		if err := os.WriteFile(file, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := trainedOn(dir)
		switch {
		case err != nil && (!errors.Is(err, featurestore.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(file))):
			t.Errorf("byte %d of %s, bit %d: %v", at, file, bit, err)
		case err != nil:
			refused++
		case cmp.Diff(want, got) != "":
			t.Errorf("byte %d of %s, bit %d: another head was trained", at, file, bit)
		}
		if err := os.WriteFile(file, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 40 were refused", refused)
}
