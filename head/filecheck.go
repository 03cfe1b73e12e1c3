package head

import (
	"errors"
	"fmt"
	"slices"

	"fovea/internal/finite"
	"fovea/recipe"
)

// layerSize is the number of a layer's values, if a file can hold that many.
func layerSize(l recipe.Layer) (int, error) {
	size := 1
	for _, d := range l.Shape {
		if d < 1 || size > maxFileBytes/d {
			return 0, fmt.Errorf("the layer %s has the shape %v", l.Name, l.Shape)
		}
		size *= d
	}
	return size, nil
}

// columns is the number of features by the layers. If the recipe names layers, as it does for all heads
// trained on features, they must be among those.
func (f headFile) columns() (int, error) {
	columns := 0
	for _, l := range f.Layers {
		size, err := layerSize(l)
		if err != nil {
			return 0, err
		}
		if made, ok := f.Recipe.Layer(l.Name); len(f.Recipe.Layers) > 0 && (!ok || !slices.Equal(made.Shape, l.Shape) || made.Of != l.Of) {
			return 0, fmt.Errorf("the layer %s%v is not one of those of its recipe, %v", l.Name, l.Shape, f.Recipe.Layers)
		}
		columns += size
	}
	return columns, nil
}

// joins says whether the head is on several models, or on a column that has another name than its layer.
func (f headFile) joins() bool {
	return len(f.Recipe.Added) > 0 || slices.ContainsFunc(f.Layers, func(l recipe.Layer) bool { return l.Of != "" }) || f.Layer != nil && f.Layer.Of != ""
}

// validateModels checks that each model has layers of the head.
func (f headFile) validateModels() error {
	if err := f.Recipe.ValidateParts(); err != nil || !f.joins() {
		return err
	}
	if f.Version < severalModels {
		return fmt.Errorf("it is on columns of %s, which files of version %d cannot be", f.Recipe.Models(), f.Version)
	}
	for _, p := range f.Recipe.Parts() {
		if !slices.ContainsFunc(f.Layers, func(l recipe.Layer) bool { _, found := p.Layer(l.Name); return found }) {
			return fmt.Errorf("it is on no layer of %s, which its recipe has", p.Model)
		}
	}
	return nil
}

// validate checks that the sizes fit each other and that all numbers are finite.
func (f headFile) validate() error {
	classes, columns := len(f.Classes), len(f.Mean)
	if classes < 2 || !slices.IsSorted(f.Classes) || len(slices.Compact(slices.Clone(f.Classes))) != classes {
		return fmt.Errorf("its classes are %q", f.Classes)
	}
	if err := f.validateModels(); err != nil {
		return err
	}
	sizes, err := f.columns()
	if err != nil {
		return err
	}
	if columns == 0 || len(f.Scale) != columns || sizes != columns {
		return fmt.Errorf("%d means and %d scales for a layer of %d values", columns, len(f.Scale), sizes)
	}
	if err := f.validateWeights(); err != nil {
		return err
	}
	if f.Sqrt && !f.Unit {
		return errors.New("its rows are square roots without unit length")
	}
	for i, s := range f.Scale {
		if s < 0 {
			return fmt.Errorf("the scale of column %d is %v", i, s)
		}
	}
	all := append([]floats{f.Mean, f.Scale, f.Biases}, f.Weights...)
	if f.Hidden != nil {
		all = append(append(all, f.Hidden.Biases), f.Hidden.Weights...)
	}
	for _, values := range all {
		if i := finite.First(values); i >= 0 {
			return fmt.Errorf("number %d is %v", i, values[i])
		}
	}
	return f.Novelty.validate(f.Layers)
}

// validateWeights checks the sizes of the layers of weights.
func (f headFile) validateWeights() error {
	classes, inputs := len(f.Classes), len(f.Mean)
	if len(f.Biases) != classes || len(f.Weights) != classes {
		return fmt.Errorf("%d biases and %d rows of weights for %d classes", len(f.Biases), len(f.Weights), classes)
	}
	if f.Hidden != nil {
		units := len(f.Hidden.Biases)
		if units == 0 || len(f.Hidden.Weights) != units {
			return fmt.Errorf("%d biases and %d rows of weights of hidden units", units, len(f.Hidden.Weights))
		}
		for _, w := range f.Hidden.Weights {
			if len(w) != inputs {
				return fmt.Errorf("%d weights of a hidden unit for %d columns", len(w), inputs)
			}
		}
		inputs = units
	}
	for _, w := range f.Weights {
		if len(w) != inputs {
			return fmt.Errorf("%d weights for %d columns", len(w), inputs)
		}
	}
	return nil
}
