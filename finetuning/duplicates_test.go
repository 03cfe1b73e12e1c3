package finetuning

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"fovea/head"
	"fovea/recipe"
)

// What near duplicates are depends on the layer, by whatever name, and on the user.
func TestLeastNear(t *testing.T) {
	for _, test := range []struct {
		model  string
		layers []string
		want   float64
	}{
		{"vgg16", []string{"pool5"}, 0.95},
		{"vgg16", []string{"block5_conv3", "block4_pool"}, 0.95},
		{"vgg16", []string{"fc7"}, 0.95},
		{"vgg16", []string{"block3_pool"}, 0.99},
		{"vgg19", []string{"pool3"}, 0.99},
		{"vgg-d", []string{"block1_conv2"}, 0.99},
		{"vgg16", []string{"block3_pool", "pool5"}, 0.97},
		{"somebody's", []string{"block3_pool"}, 0.95}, // of another network
	} {
		var layers []recipe.Layer
		for _, name := range test.layers {
			layers = append(layers, recipe.Layer{Name: name, Shape: []int{4}, Layout: recipe.LayoutC})
		}
		if got := leastNear(recipe.Recipe{Model: test.model}, layers); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%s of %s: %g, want %g", test.layers, test.model, got, test.want)
		}
		f := Features{Recipe: recipe.Recipe{Model: test.model}, Layers: layers, X: head.Matrix{Rows: 1, Cols: 4 * len(layers), Data: make([]float32, 4*len(layers))}, Hashes: []string{"a"}, Labels: []string{"x"}, Paths: []string{"p"}}
		for _, o := range []struct {
			TrainOptions
			want float64
		}{
			{TrainOptions{NearDuplicates: UsualNear}, test.want},
			{TrainOptions{NearDuplicates: 0.995}, 0.995},
			{TrainOptions{NearDuplicates: 0.9, OwnNear: true}, 0.9},
			{TrainOptions{}, 0},
		} {
			before := o.NearDuplicates
			if _, err := o.Group(t.Context(), f); err != nil || math.Abs(o.NearDuplicates-o.want) > 1e-12 {
				t.Errorf("%s of %s: %g becomes %g, want %g, %v", test.layers, test.model, before, o.NearDuplicates, o.want, err)
			}
		}
	}
}

// A mirror image has its values at other positions, so that the whole rows differ; by the averages of the layers that have
// positions it is a near duplicate. Layers without positions count as they are.
func TestGroupFindsMirrorImages(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const height, width, channels, units = 3, 4, 32, 64
	f := Features{Layers: []recipe.Layer{
		{Name: "pool5", Shape: []int{height, width, channels}, Layout: recipe.LayoutHWC}, {Name: "fc7", Shape: []int{units}, Layout: recipe.LayoutC},
	}}
	f.X.Cols = height*width*channels + units
	f.X.Blocks = []int{height * width * channels, units}
	add := func(row []float32) {
		f.X.Data, f.X.Rows = append(f.X.Data, row...), f.X.Rows+1
		f.Hashes, f.Labels, f.Paths = append(f.Hashes, fmt.Sprint(f.X.Rows)), append(f.Labels, "x"), append(f.Paths, "p")
	}
	sparse := func() float32 { return max(0, random.Float32()*8-6) }
	for range 40 {
		row, mirror := make([]float32, f.X.Cols), make([]float32, f.X.Cols)
		for i := range row {
			row[i] = sparse()
		}
		copy(mirror[height*width*channels:], row[height*width*channels:])
		for y := range height {
			for x := range width {
				copy(mirror[(y*width+width-1-x)*channels:][:channels], row[(y*width+x)*channels:][:channels])
			}
		}
		add(row)
		add(mirror)
	}
	o := TrainOptions{NearDuplicates: 0.95, OwnNear: true}
	d, err := o.Group(t.Context(), f)
	if err != nil || d.Alike != 40 || len(d.Pairs) != 40 {
		t.Fatalf("%d alike in %d pairs, %v", d.Alike, len(d.Pairs), err)
	}
	for i := 0; i < f.X.Rows; i += 2 {
		if d.Groups[i] != d.Groups[i+1] {
			t.Errorf("row %d is not in the group of its mirror image", i)
		}
	}
	whole, err := head.FindDuplicates(t.Context(), f.X, f.Hashes, 0.95)
	if err != nil || whole.Alike != 0 {
		t.Errorf("by whole rows %d are alike, %v: the test says nothing", whole.Alike, err)
	}
	x, _, err := f.averaged()
	sum := 0.0
	for at := range height * width {
		sum += float64(f.X.Data[at*channels+3])
	}
	if err != nil || x.Cols != channels+units || !slices.Equal(x.Blocks, []int{channels, units}) || x.Data[3] != float32(sum/(height*width)) || x.Data[channels] != f.X.Data[height*width*channels] {
		t.Errorf("averages: %d columns, %v, %v", x.Cols, x.Blocks, err)
	}
}

// Names that are not UTF-8 are spelled in the warning as everywhere, so that they can be found in the dataset.
func TestWarnOfConflictsSpells(t *testing.T) {
	hook := logtest.NewGlobal()
	warnOfConflicts(Features{Paths: []string{"b\xffad.jpg", "x.jpg"}, Labels: []string{"cat", "d\xe9"}, Hashes: []string{"1", "1"}})
	if last := hook.LastEntry(); last == nil || !strings.HasSuffix(last.Message, ": b%FFad.jpg (cat) and x.jpg (d%E9)") {
		t.Errorf("warned %+v", last)
	}
}
