package featurestore

import (
	"fmt"
	"slices"
	"strings"

	"fovea/recipe"
)

func (v *revision) columnsChange() bool { return v.added != nil || len(v.options.Drop) > 0 }

// recipe is that of the new dataset.
func (v *revision) recipe() (recipe.Recipe, error) {
	have := v.dataset.manifest.Recipe
	switch {
	case v.added != nil:
		return joined(have, v.added.staged.manifest.Recipe)
	case len(v.options.Drop) == 0:
		return have, nil
	}
	names := have.LayerNames()
	for _, name := range v.options.Drop {
		if !slices.Contains(names, name) {
			return have, fmt.Errorf("%w: there is no column %q of vectors to drop: there are %s", ErrNoColumn, name, strings.Join(names, ", "))
		}
	}
	kept := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(v.options.Drop, name) })
	if len(kept) == 0 {
		return have, fmt.Errorf("%w: no column of vectors would be left", ErrNoColumn)
	}
	return have.Only(kept...)
}

// joined is the recipe of a dataset with more columns.
func joined(have, more recipe.Recipe) (recipe.Recipe, error) {
	r, err := recipe.Join(append(have.Parts(), more.Parts()...)...)
	if err != nil {
		return have, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	return r, nil
}

// kept are the layers of the new dataset that the old one has.
func (v *revision) kept(now recipe.Recipe) []recipe.Layer {
	return slices.DeleteFunc(slices.Clone(now.Layers), func(l recipe.Layer) bool { return v.added.place(l.Name) >= 0 })
}

// withAdded are the vectors of a row of the new dataset, given those of the layers that it has, and that come next for
// the others.
func (v *revision) withAdded(now recipe.Recipe, layers []recipe.Layer, have [][]float32) ([][]float32, error) {
	more, err := v.added.take()
	if err != nil {
		return nil, err
	}
	all := make([][]float32, len(now.Layers))
	for i, l := range now.Layers {
		if at := v.added.place(l.Name); at >= 0 {
			all[i] = more[at]
			continue
		}
		all[i] = have[slices.IndexFunc(layers, func(k recipe.Layer) bool { return k.Name == l.Name })]
	}
	return all, nil
}
