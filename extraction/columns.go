package extraction

import (
	"slices"
	"strings"
	"unicode"

	"fovea/featurestore"
	"fovea/internal/lazy"
	"fovea/objects"
	"fovea/recipe"
)

// columnNames are what Options.As says.
type columnNames struct {
	prefix string
	of     map[string]string
}

func parseColumnNames(as, layers []string) (columnNames, error) {
	n := columnNames{of: map[string]string{}}
	for _, text := range as {
		layer, name, named := strings.Cut(text, "=")
		switch {
		case text == "" || named && (layer == "" || name == ""):
			return n, wrong("--as %q: give LAYER=COLUMN, or a prefix for all columns", text)
		case !named && n.prefix != "":
			return n, wrong("--as: there are two prefixes, %s and %s", n.prefix, text)
		case !named:
			n.prefix = text
		case layers != nil && !slices.Contains(layers, layer):
			return n, wrong("--as %s: %s is not among the layers %s", text, layer, strings.Join(layers, ", "))
		case n.of[layer] != "":
			return n, wrong("--as: layer %s gets two names, %s and %s", layer, n.of[layer], name)
		default:
			n.of[layer] = name
		}
	}
	return n, nil
}

// given is the name that a layer was given.
func (n columnNames) given(layer string) (name string, given bool) {
	if name := n.of[layer]; name != "" {
		return name, true
	}
	return n.prefix + layer, n.prefix != ""
}

// unplain is what default names of columns do without, so that SQL takes them unquoted.
var unplain = lazy.Regexp(`[^A-Za-z0-9_]+`)

// nameColumns finds the names of new columns: those given, or else the layers' own, with the model's name and an underscore
// in front where the dataset has a column of that name. It reports whether the dataset has all of the columns, made in the
// same way; some of them are wrong usage, and so is a name that is taken.
func nameColumns(have, now recipe.Recipe, as []string) (named recipe.Recipe, there bool, err error) {
	names, err := parseColumnNames(as, now.LayerNames())
	if err != nil {
		return now, false, err
	}
	same := func(name string, l recipe.Layer) bool {
		p, _ := have.Part(name)
		c, taken := p.Layer(name)
		return taken && c.InModel() == l.Name && slices.Equal(c.Shape, l.Shape) && len(p.Compare(now)) == 0
	}
	taken := func(name string) bool { _, taken := have.Layer(name); return taken }
	var present []string
	now.Layers = slices.Clone(now.Layers)
	for i, l := range now.Layers {
		name, given := names.given(l.Name)
		if !given && taken(name) && !same(name, l) {
			name = unplain().ReplaceAllString(now.Model, "_") + "_" + l.Name
		}
		if taken(name) && !same(name, l) {
			return now, false, wrong("the dataset has a column %s already, of %s: name the new one, such as --as %s=NAME", name, describeColumn(have, name), l.Name)
		}
		if taken(name) {
			present = append(present, name)
		}
		if name != l.Name {
			now.Layers[i].Name, now.Layers[i].Of = name, l.Name
		}
	}
	if err := checkColumnNames(have, now); err != nil {
		return now, false, err
	}
	if n := len(present); n > 0 && n < len(now.Layers) {
		return now, false, wrong("the dataset has some of the columns already, made in the same way: %s; leave them out of --layers", strings.Join(present, ", "))
	}
	return now, len(present) > 0, nil
}

// adoptNames names the layers as the columns of the dataset that is continued, if it has these layers and no others:
// columns may have been added under other names, and those that had the layers' own dropped since.
func (r *run) adoptNames() {
	dir, err := objects.LocalPath(r.Out)
	if !r.Resume && !r.Sync || err != nil || objects.IsURL(r.Out) {
		return
	}
	if dataset, err := r.reading().Open(dir); err == nil { // else there is none, or writing to it says what is wrong
		r.recipe = namedAs(r.recipe, dataset.Recipe())
	}
}

// namedAs is a recipe with the names of another one's columns, if these are the same layers.
func namedAs(now, have recipe.Recipe) recipe.Recipe {
	same := func(a, b recipe.Layer) bool { return a.InModel() == b.InModel() && slices.Equal(a.Shape, b.Shape) }
	if len(have.Parts()) == 1 && slices.EqualFunc(have.Layers, now.Layers, same) {
		now.Layers = slices.Clone(now.Layers)
		for i, l := range have.Layers {
			now.Layers[i].Name, now.Layers[i].Of = l.Name, l.Of
		}
	}
	return now
}

// checkColumnNames refuses names of new columns that SQL, which does not tell letter case apart, would take for another
// column's, and those that no table shows as they are.
func checkColumnNames(have, now recipe.Recipe) error {
	others := append(featurestore.FixedColumns(), have.LayerNames()...)
	for _, l := range now.Layers {
		if strings.ContainsFunc(l.Name, unicode.IsControl) {
			return wrong("the column %q has a control character in its name: use --as %s=NAME", l.Name, l.InModel())
		}
		for _, other := range others {
			if _, there := have.Layer(l.Name); there && other == l.Name {
				continue // nameColumns has found it to be the same
			}
			if strings.EqualFold(other, l.Name) {
				return wrong("the columns %s and %s would have the same name, since letter case does not count in SQL: use --as %s=NAME", other, l.Name, l.InModel())
			}
		}
		others = append(others, l.Name)
	}
	return nil
}

// describeColumn says what a column is.
func describeColumn(r recipe.Recipe, name string) string {
	p, _ := r.Part(name)
	l, _ := p.Layer(name)
	return p.Model + "'s layer " + l.InModel() + " with pooling " + p.Pool
}
