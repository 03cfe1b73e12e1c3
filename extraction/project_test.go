package extraction

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"fovea/pipeline"
	"fovea/projection"
)

// projectedFeatures computes layers of real photos, projected or not.
func projectedFeatures(t *testing.T, photos []string, project string) [][][]float32 {
	t.Helper()
	p, err := projection.Parse(project)
	if err != nil {
		t.Fatal(err)
	}
	f := Features{Layers: []string{"block2_conv1", "pool3", "pool5"}, Project: p, Batch: 4}
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	group, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	o := Options{Features: f}
	_, config, err := o.configure(group.First())
	if err != nil {
		t.Fatal(err)
	}
	var items []pipeline.Item
	for _, name := range photos {
		items = append(items, pipeline.Item{Path: filepath.Base(name), File: name, Argument: name})
	}
	rows := &keptRows{}
	if _, err := pipeline.Run(t.Context(), items, group, rows, config); err != nil || len(rows.features) != len(photos) {
		t.Fatalf("%d rows of %d, %v", len(rows.features), len(photos), err)
	}
	return rows.features
}

type keptRows struct{ features [][][]float32 }

func (k *keptRows) Append(rows []pipeline.Row) error {
	for _, r := range rows {
		k.features = append(k.features, r.Features)
	}
	return nil
}

func (k *keptRows) Fail(pipeline.Failure) error { return nil }

// Distances among photos are kept within the bound of Johnson and Lindenstrauss, in every layer.
func TestProjectionKeepsDistancesOfPhotos(t *testing.T) {
	if testing.Short() {
		t.Skip("runs VGG16 on photos")
	}
	photos, _ := filepath.Glob("../../shared/cats-vs-dogs/train/*.1?.jpg") // the pattern is right
	if len(photos) < 12 {
		t.Skip("there are no photos in ../shared/cats-vs-dogs")
	}
	photos = photos[:12]
	const values = 1024
	whole, projected := projectedFeatures(t, photos, "none"), projectedFeatures(t, photos, "1024")
	bound := 0.0
	for least := 4 * math.Log(float64(len(photos))) / values; bound*bound/2-bound*bound*bound/3 < least; {
		bound += 0.001
	}
	for layer := range whole[0] {
		sum, worst, pairs := 0.0, 0.0, 0
		for i := range photos {
			if len(projected[i][layer]) != values {
				t.Fatalf("%d values", len(projected[i][layer]))
			}
			for j := range i {
				ratio := squaredDistance(projected[i][layer], projected[j][layer]) / squaredDistance(whole[i][layer], whole[j][layer])
				sum, worst, pairs = sum+ratio, max(worst, math.Abs(ratio-1)), pairs+1
			}
		}
		t.Logf("layer %d of %d values: squared distances are %.3f of the former in the mean, off by up to %.3f; the bound is %.3f", layer, len(whole[0][layer]), sum/float64(pairs), worst, bound)
		if mean := sum / float64(pairs); worst > bound || math.Abs(mean-1) > 0.05 {
			t.Errorf("layer %d: distances are off by %.3f", layer, worst)
		}
	}
	if again := projectedFeatures(t, photos[:5], "sparse:1024:1"); !slices.Equal(again[4][2], projected[4][2]) {
		t.Error("another run projects otherwise")
	}
}

func squaredDistance(a, b []float32) (sum float64) {
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return sum
}
