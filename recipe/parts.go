package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrParts says that recipes cannot stand side by side in a dataset.
var ErrParts = errors.New("models that do not fit into one dataset")

// Parts are the recipes of the models of a dataset, in the order of their columns, each with its own layers. It
// is only the recipe itself where there is a single model.
func (r Recipe) Parts() []Recipe {
	if len(r.Added) == 0 {
		return []Recipe{r}
	}
	later := 0
	for _, a := range r.Added {
		later += len(a.Layers)
	}
	first := r
	first.Added, first.Layers = nil, r.Layers[:max(0, len(r.Layers)-later)]
	return append([]Recipe{first}, r.Added...)
}

// Join is the recipe of a dataset with the columns of all parts, the inverse of Parts. Parts of the same model, with the
// same treatment of images, become one. Two columns of one name, and a part with parts of its own, are ErrParts.
func Join(parts ...Recipe) (Recipe, error) {
	var merged []Recipe
	for _, p := range parts {
		if len(p.Added) > 0 {
			return Recipe{}, fmt.Errorf("%w: the recipe of %s has parts of its own", ErrParts, p.Model)
		}
		same := slices.IndexFunc(merged, func(m Recipe) bool { return len(m.compareOne(p)) == 0 })
		if same < 0 {
			p.Layers = slices.Clone(p.Layers)
			merged = append(merged, p)
			continue
		}
		merged[same].Layers = append(merged[same].Layers, p.Layers...)
	}
	if len(merged) == 0 {
		return Recipe{}, fmt.Errorf("%w: there is none", ErrParts)
	}
	joined := merged[0]
	joined.Layers = slices.Clone(joined.Layers)
	for _, p := range merged[1:] {
		joined.Layers = append(joined.Layers, p.Layers...)
		joined.Added = append(joined.Added, p)
	}
	return joined, joined.checkNames()
}

// checkNames refuses two columns of one name.
func (r Recipe) checkNames() error {
	names := r.LayerNames()
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("%w: two columns would have the name %q", ErrParts, name)
		}
	}
	return nil
}

// ValidateParts reports what is wrong with the parts: that their layers are not the last ones, in order, or that a part
// has parts of its own.
func (r Recipe) ValidateParts() error {
	var later []Layer
	for _, a := range r.Added {
		if len(a.Added) > 0 || len(a.Layers) == 0 {
			return fmt.Errorf("%w: the added recipe of %s has %d layers and %d parts", ErrParts, a.Model, len(a.Layers), len(a.Added))
		}
		later = append(later, a.Layers...)
	}
	if len(r.Added) == 0 {
		return nil
	}
	at := len(r.Layers) - len(later)
	if at < 1 || !slices.EqualFunc(r.Layers[at:], later, Layer.equal) {
		return fmt.Errorf("%w: the layers are %s, those of the added models %s", ErrParts, describeLayers(r.Layers), describeLayers(later))
	}
	return r.checkNames()
}

func (l Layer) equal(other Layer) bool {
	return l.Name == other.Name && l.Layout == other.Layout && l.Of == other.Of && slices.Equal(l.Shape, other.Shape)
}

// Part is the recipe of the model that a column comes from.
func (r Recipe) Part(column string) (Recipe, bool) {
	for _, p := range r.Parts() {
		if _, found := p.Layer(column); found {
			return p, true
		}
	}
	return Recipe{}, false
}

// Alone is the recipe of a column's model with that column alone, under the layer's own name, as if nothing else had ever
// been extracted.
func (r Recipe) Alone(column string) (Recipe, bool) {
	p, found := r.Part(column)
	if !found {
		return Recipe{}, false
	}
	l, _ := p.Layer(column)
	l.Name, l.Of = l.InModel(), ""
	p.Layers = []Layer{l}
	return p, true
}

// Only is the recipe with the columns of those names alone, in the recipe's order; models without any of them go. A
// name that is not there has no effect. It is ErrParts if none is left.
func (r Recipe) Only(columns ...string) (Recipe, error) {
	var kept []Recipe
	for _, p := range r.Parts() {
		p.Layers = slices.DeleteFunc(slices.Clone(p.Layers), func(l Layer) bool { return !slices.Contains(columns, l.Name) })
		if len(p.Layers) > 0 {
			kept = append(kept, p)
		}
	}
	return Join(kept...)
}

// Models are the names of the models, for people.
func (r Recipe) Models() string { return modelNames(r.Parts()) }

func modelNames(parts []Recipe) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Model
	}
	return strings.Join(names, ", ")
}
