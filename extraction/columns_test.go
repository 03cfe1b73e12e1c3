package extraction

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fovea/recipe"
)

func columnsOf(model, pool string, names ...string) recipe.Recipe {
	r := recipe.Recipe{Model: model, ModelSHA256: model, Pool: pool}
	for _, name := range names {
		name, of, _ := strings.Cut(name, "=")
		r.Layers = append(r.Layers, recipe.Layer{Name: name, Shape: []int{4}, Layout: recipe.LayoutC, Of: of})
	}
	return r
}

// Columns get the names of their layers where these are free, and never one that is taken.
func TestNameColumns(t *testing.T) {
	have, err := recipe.Join(columnsOf("vgg16", "avg", "pool5", "fc7"), columnsOf("my model", "avg", "deep=pool5"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		now  recipe.Recipe
		as   []string
		// want are the columns, or what the error says.
		want  []string
		there bool
		wrong string
	}{
		{"free", columnsOf("vgg16", "avg", "fc6"), nil, []string{"fc6"}, false, ""},
		{"taken", columnsOf("vgg19", "avg", "pool5", "fc6"), nil, []string{"vgg19_pool5=pool5", "fc6"}, false, ""},
		{"of a model with spaces", columnsOf("my model", "max", "pool5"), nil, []string{"my_model_pool5=pool5"}, false, ""},
		{"there", columnsOf("vgg16", "avg", "fc7", "pool5"), nil, []string{"fc7", "pool5"}, true, ""},
		{"there under another name", columnsOf("my model", "avg", "pool5"), []string{"pool5=deep"}, []string{"deep=pool5"}, true, ""},
		{"pooled in another way", columnsOf("vgg16", "max", "pool5"), nil, []string{"vgg16_pool5=pool5"}, false, ""},
		{"prefix", columnsOf("vgg16", "max", "pool5", "fc7"), []string{"b."}, []string{"b.pool5=pool5", "b.fc7=fc7"}, false, ""},
		{"prefix and name", columnsOf("vgg16", "max", "pool5", "fc7"), []string{"b.", "fc7=top"}, []string{"b.pool5=pool5", "top=fc7"}, false, ""},
		{"its own name", columnsOf("vgg16", "max", "fc6"), []string{"fc6=fc6"}, []string{"fc6"}, false, ""},
		{"some there", columnsOf("vgg16", "avg", "pool5", "fc6"), nil, nil, false, "some of the columns already, made in the same way: pool5"},
		{"taken by name", columnsOf("vgg19", "avg", "fc6"), []string{"fc6=deep"}, nil, false, "has a column deep already, of my model's layer pool5 with pooling avg"},
		{"two prefixes", columnsOf("vgg19", "avg", "fc6"), []string{"a", "b"}, nil, false, "two prefixes, a and b"},
		{"no such layer", columnsOf("vgg19", "avg", "fc6"), []string{"fc9=x"}, nil, false, "fc9 is not among the layers fc6"},
		{"two names", columnsOf("vgg19", "avg", "fc6"), []string{"fc6=x", "fc6=y"}, nil, false, "gets two names, x and y"},
		{"one name for two", columnsOf("vgg19", "avg", "fc6", "fc8"), []string{"fc6=x", "fc8=x"}, nil, false, "columns x and x would have the same name"},
		{"in another case", columnsOf("vgg19", "avg", "fc6"), []string{"fc6=FC7"}, nil, false, "columns fc7 and FC7 would have the same name"},
		{"a column of every dataset", columnsOf("vgg19", "avg", "fc6"), []string{"fc6=path"}, nil, false, "columns path and path would have the same name"},
		{"control character", columnsOf("vgg19", "avg", "fc6"), []string{"fc6=a\nb"}, nil, false, `"a\nb" has a control character`},
		{"no name", columnsOf("vgg19", "avg", "fc6"), []string{"fc6="}, nil, false, "give LAYER=COLUMN"},
	} {
		named, there, err := nameColumns(have, c.now, c.as)
		if c.wrong != "" {
			var wrong *OptionsError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if want := columnsOf("", "", c.want...).Layers; err != nil || there != c.there || !slices.EqualFunc(named.Layers, want, func(a, b recipe.Layer) bool { return a.Name == b.Name && a.Of == b.Of }) {
			t.Errorf("%s: %+v, there: %t, %v", c.name, named.Layers, there, err)
		}
	}
}

// Only what adds columns names them, and changes nothing else.
func TestAddValidates(t *testing.T) {
	add := Options{Features: Features{Layers: []string{"pool5"}}, Images: []string{"x"}, Out: "out", Add: true}
	if err := add.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Options){
		"resume": func(o *Options) { o.Resume = true }, "sync": func(o *Options) { o.Sync = true }, "overwrite": func(o *Options) { o.Overwrite = true },
		"rows": func(o *Options) { o.RowsPerFile = 3 }, "bytes": func(o *Options) { o.BytesPerFile = 3 }, "tensors": func(o *Options) { o.TensorExtension = true },
		"names": func(o *Options) { o.As = []string{"="} }, "names without columns": func(o *Options) { o.Add, o.As = false, []string{"x"} },
	} {
		o := add
		change(&o)
		var wrong *OptionsError
		if err := o.Validate(); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A dataset whose columns have other names than their layers is continued under these.
func TestNamedAs(t *testing.T) {
	several, err := recipe.Join(columnsOf("vgg16", "avg", "pool5"), columnsOf("vgg19", "avg", "deep=pool5"))
	if err != nil {
		t.Fatal(err)
	}
	now := columnsOf("vgg16", "avg", "pool5", "fc7")
	for name, c := range map[string]struct {
		have recipe.Recipe
		want string
	}{
		"renamed":       {columnsOf("vgg16", "avg", "deep=pool5", "fc7"), "deep"},
		"other layers":  {columnsOf("vgg16", "avg", "deep=pool4", "fc7"), "pool5"},
		"more layers":   {columnsOf("vgg16", "avg", "deep=pool5", "fc7", "fc8"), "pool5"},
		"several parts": {several, "pool5"},
	} {
		got := namedAs(now, c.have).Layers[0]
		if got.Name != c.want || got.InModel() != "pool5" || now.Layers[0].Name != "pool5" {
			t.Errorf("%s: column %s of layer %s; want %s of pool5", name, got.Name, got.InModel(), c.want)
		}
	}
}
