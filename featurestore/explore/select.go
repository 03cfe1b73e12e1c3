package explore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/featurestore"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/internal/typo"
	"fovea/recipe"
	"fovea/vectors"
)

// Errors to test for with errors.Is.
var (
	// ErrUnknownLayer: the dataset has no such layer.
	ErrUnknownLayer = errors.New("unknown layer")
	// ErrUnknownValue: no row has such a label or split.
	ErrUnknownValue = errors.New("no row has")
)

// Selection chooses a layer and rows. The zero value is the first layer and all rows.
type Selection struct {
	// Layer is the name of a layer, "" for the dataset's first.
	Layer string
	// Labels and Splits are those of the rows; "" is that of rows without one. They are bytes, or the
	// spelling in which results show them. Nil chooses all rows.
	Labels, Splits []string
}

// Resolve returns the layer and what to scan. A layer that the dataset does not have is ErrUnknownLayer, a label
// or split that no row has ErrUnknownValue.
func (s Selection) Resolve(ctx context.Context, d *featurestore.Dataset) (recipe.Layer, featurestore.ScanOptions, error) {
	r := d.Recipe()
	layer, found := r.Layers[0], true
	if s.Layer != "" {
		layer, found = r.Layer(s.Layer)
	}
	if !found {
		names := r.LayerNames()
		return recipe.Layer{}, featurestore.ScanOptions{}, fmt.Errorf("%w %q%s: the dataset has %s", ErrUnknownLayer, s.Layer, typo.Hint(s.Layer, names), strings.Join(names, ", "))
	}
	options := featurestore.ScanOptions{Layers: []string{layer.Name}, Labels: readSpelled(s.Labels), Splits: readSpelled(s.Splits)}
	if !options.Selects() {
		return layer, options, nil
	}
	counts, err := d.Counts(ctx)
	if err == nil {
		err = errors.Join(known("label", options.Labels, counts.Labels), known("split", options.Splits, counts.Splits))
	}
	return layer, options, err
}

// readSpelled turns names as results show them back into the dataset's names.
func readSpelled(names []string) []string {
	if names == nil {
		return nil
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = spelling.Read(name)
	}
	return out
}

// known fails for a value that no row has.
func known(what string, values []string, counts map[string]int) error {
	for _, v := range values {
		if counts[featurestore.EscapeText(v)] > 0 {
			continue
		}
		names := slices.Sorted(maps.Keys(counts))
		hint := typo.Hint(v, names)
		for i, name := range names {
			switch {
			case name == "":
				names[i] = "rows without one"
			case strings.ContainsAny(name, `,"`): // as a list of names has it
				names[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
			}
		}
		if v == "" {
			return fmt.Errorf("%w no %s: there are %s", ErrUnknownValue, what, text.Some(names))
		}
		return fmt.Errorf("%w the %s %q%s: there are %s", ErrUnknownValue, what, v, hint, text.Some(names))
	}
	return nil
}

// Vectors returns the vectors of one layer as a source. Each use of it scans the dataset and, unless it is nil,
// calls each with every batch before the batch's vectors are visited.
func Vectors(d *featurestore.Dataset, layer recipe.Layer, options featurestore.ScanOptions, each func(*featurestore.Batch)) vectors.Source {
	return func(ctx context.Context, visit func(vectors.Block) error) error {
		next := 0
		return d.Scan(ctx, options, func(b *featurestore.Batch) error {
			if each != nil {
				each(b)
			}
			block := vectors.Block{First: next, Rows: len(b.Rows), Cols: layer.Size(), Data: b.Vectors[0]}
			next += block.Rows
			return visit(block)
		})
	}
}
