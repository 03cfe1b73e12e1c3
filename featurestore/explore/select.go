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
	options := featurestore.ScanOptions{Layers: []string{layer.Name}, Labels: s.Labels, Splits: s.Splits}
	if !options.Selects() {
		return layer, options, nil
	}
	counts, err := d.Counts(ctx)
	if err != nil {
		return layer, options, err
	}
	var unknown [2]error
	options.Labels, unknown[0] = known("label", s.Labels, counts.Labels)
	options.Splits, unknown[1] = known("split", s.Splits, counts.Splits)
	return layer, options, errors.Join(unknown[:]...)
}

// known are the values of rows that are meant by what a user gave, and fails for one that no row has.
func known(what string, given []string, counts map[string]int) ([]string, error) {
	if given == nil {
		return nil, nil
	}
	values := make([]string, len(given))
	for i, v := range given {
		var found bool
		if values[i], found = meant(v, counts); !found {
			return nil, unknown(what, v, counts)
		}
	}
	return values, nil
}

// meant is the value that is given as it is, or as results show it: with bytes that are no UTF-8 spelled, or with escapes
// for what cannot be seen, if these are of one value alone.
func meant(given string, counts map[string]int) (value string, found bool) {
	if read := spelling.Read(given); counts[featurestore.EscapeText(read)] > 0 {
		return read, true
	}
	for name := range counts {
		if spelling.Name(name) != given {
			continue
		}
		if found {
			return "", false
		}
		value, found = featurestore.UnescapeText(name), true
	}
	return value, found
}

func unknown(what, given string, counts map[string]int) error {
	names := slices.Sorted(maps.Keys(counts))
	for i, name := range names {
		names[i] = spelling.Name(name)
	}
	hint := typo.Hint(given, names)
	for i, name := range names {
		switch {
		case name == "":
			names[i] = "rows without one"
		case strings.ContainsAny(name, `,"`): // as a list of names has it
			names[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		}
	}
	if given == "" {
		return fmt.Errorf("%w no %s: there are %s", ErrUnknownValue, what, text.Some(names))
	}
	return fmt.Errorf("%w the %s %q%s: there are %s", ErrUnknownValue, what, given, hint, text.Some(names))
}

// streamed returns the vectors of one layer as a source. Each use of it scans the dataset and, unless it is nil,
// calls each with every batch before the batch's vectors are visited.
func streamed(d *featurestore.Dataset, layer recipe.Layer, options featurestore.ScanOptions, each func(*featurestore.Batch)) vectors.Source {
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
