package finetuning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/spelling"
	"fovea/internal/typo"
	"fovea/recipe"
)

// ErrLayers marks layers that were not named, or that a dataset does not have.
var ErrLayers = errors.New("choose one or more with --layers")

// Features are the labelled rows of a dataset, one per image.
type Features struct {
	// Recipe is the dataset's; of one of several models, with the columns of Layers alone, and their models.
	Recipe recipe.Recipe
	// Layers make up the columns of X, one after another.
	Layers []recipe.Layer
	X      head.Matrix
	// Labels are spelled as valid UTF-8 (featurestore.EscapeText).
	Labels []string
	// Splits are the dataset's own names of its parts, such as "train", "val" and "test".
	Splits []string
	// Hashes are the SHA-256 of the images' files in hex, which identify copies.
	Hashes []string
	// Paths name the images within the dataset.
	Paths []string
	// Groups are the dataset's own groups of rows, which no split separates, "" for rows without one; nil if it has none.
	Groups []string
}

// Free releases the memory of X. Nothing may read X.Data afterwards.
func (f *Features) Free() { f.X.Free() }

// load reads layers of a local dataset. Tables as large as the features come from memory.
func (s Source) load(ctx context.Context, memory head.Memory, names []string) (Features, error) {
	dir := s.Dir
	dataset, err := s.open()
	if err != nil {
		return Features{}, err
	}
	if unfinished := dataset.Unfinished(); unfinished != "" {
		logrus.Warn(unfinished)
	}
	layers, err := chooseLayers(dataset.Recipe(), dir, names)
	if err != nil {
		return Features{}, err
	}
	var tables []*featurestore.Table
	for _, layer := range layers {
		table, err := dataset.MatrixIn(ctx, layer.Name, memory.Floats)
		if err != nil {
			return Features{}, err
		}
		tables = append(tables, table)
	}
	table := tables[0]
	made, err := onlyModelsOf(dataset.Recipe(), layers)
	if err != nil {
		return Features{}, err
	}
	f := Features{Recipe: made, Layers: layers, Labels: spelled(table.Labels), Splits: table.Splits, Hashes: table.SHA256, Paths: table.Paths, Groups: table.Groups}
	if f.X, err = join(tables, memory); err != nil {
		return Features{}, err
	}
	if f, err = f.labelled(dir); err != nil {
		return Features{}, err
	}
	return f, f.checkFinite(dir)
}

// onlyModelsOf is the recipe of a dataset with the columns of those layers; of a dataset of a single model it is the whole.
func onlyModelsOf(r recipe.Recipe, layers []recipe.Layer) (recipe.Recipe, error) {
	if len(r.Added) == 0 {
		return r, nil
	}
	return r.Only(recipe.Recipe{Layers: layers}.LayerNames()...)
}

// chooseLayers finds layers by name; no names, or empty ones, mean the only layer there is.
func chooseLayers(r recipe.Recipe, dir string, names []string) ([]recipe.Layer, error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	all := strings.Join(r.LayerNames(), ", ")
	if len(names) == 0 {
		if len(r.Layers) != 1 {
			return nil, fmt.Errorf("%s has the layers %s: %w", dir, all, ErrLayers)
		}
		names = r.LayerNames()
	}
	var layers []recipe.Layer
	for i, name := range names {
		layer, found := r.Layer(name)
		switch {
		case !found:
			return nil, fmt.Errorf("%s has no layer %q%s: it has %s: %w", dir, name, typo.Hint(name, r.LayerNames()), all, ErrLayers)
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("the layer %s is named twice: %w", name, ErrLayers)
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// labelled leaves out rows without a label.
func (f Features) labelled(dir string) (Features, error) {
	var rows []int
	for i, l := range f.Labels {
		if l != "" {
			rows = append(rows, i)
		}
	}
	switch missing := len(f.Labels) - len(rows); {
	case len(rows) == 0:
		return Features{}, fmt.Errorf("the rows of %s have no labels: extract them with --labels prefix, dir or csv:FILE", dir)
	case missing == 0:
		return f, nil
	default:
		logrus.Warnf("%d of %d rows have no label and are left out", missing, len(f.Labels))
	}
	defer f.Free()
	return f.Choose(rows)
}

// spelled returns names as users and other programs see them. Heads use these, so that a class has one
// name in datasets, heads and predictions, and one that JSON can hold.
func spelled(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = featurestore.EscapeText(name)
	}
	return out
}

// warnOfAlike warns about classes that are probably one: their names look the same.
func warnOfAlike(classes []string) {
	for _, group := range spelling.Alike(classes) {
		logrus.Warnf("the labels %+q look alike but are different classes: rename them if they are one class", group)
	}
}

// checkFinite refuses NaN and infinite values. Extract writes none, other programs may.
func (f Features) checkFinite(dir string) error {
	row, column, found := f.X.NotFinite()
	if !found {
		return nil
	}
	value := f.X.Row(row)[column]
	layer, within := columnOf(f.Layers, column)
	return fmt.Errorf("%s: value %d of %s of %s is %g: extract that image again (extract dataset validate lists all such rows)", dir, within, layer.Name, f.Paths[row], value)
}

// probabilities are a head's of each row. A row that has none is named.
func (f Features) probabilities(h *head.Head) ([][]float64, error) {
	all, err := h.Probabilities(f.X)
	if overflow := (*head.OverflowError)(nil); errors.As(err, &overflow) && overflow.Row < len(f.Paths) {
		return nil, fmt.Errorf("%s: %s", f.Paths[overflow.Row], overflow.Reason())
	}
	return all, err
}

// columnOf finds the layer that a column belongs to, and the column's index within it.
func columnOf(layers []recipe.Layer, column int) (layer recipe.Layer, within int) {
	for _, l := range layers {
		if column < l.Size() {
			return l, column
		}
		column -= l.Size()
	}
	return recipe.Layer{}, column
}

// LayerNames joins the names of layers, for messages.
func LayerNames(layers []recipe.Layer) string {
	return strings.Join(recipe.Recipe{Layers: layers}.LayerNames(), ", ")
}

// join puts tables of the same rows side by side and frees them.
func join(tables []*featurestore.Table, memory head.Memory) (head.Matrix, error) {
	x := head.Matrix{Rows: tables[0].Rows, Memory: memory}
	if len(tables) == 1 {
		x.Cols, x.Data = tables[0].Cols, tables[0].Data
		return x, nil
	}
	for _, t := range tables {
		x.Cols += t.Cols
		x.Blocks = append(x.Blocks, t.Cols)
	}
	var err error
	if x.Data, err = memory.Floats(x.Rows * x.Cols); err != nil {
		return x, err
	}
	for i := range x.Rows {
		row := x.Row(i)
		for _, t := range tables {
			row = row[copy(row, t.Data[i*t.Cols:(i+1)*t.Cols]):]
		}
	}
	for _, t := range tables {
		memory.Free(t.Data)
	}
	return x, nil
}

// Choose copies the given rows.
func (f Features) Choose(rows []int) (Features, error) {
	x, err := f.X.Select(rows)
	if err != nil {
		return Features{}, err
	}
	f.X = x
	f.Labels, f.Splits, f.Hashes, f.Paths = pick(f.Labels, rows), pick(f.Splits, rows), pick(f.Hashes, rows), pick(f.Paths, rows)
	if f.Groups != nil {
		f.Groups = pick(f.Groups, rows)
	}
	return f, nil
}

// Seen divides the rows into those whose images a head was trained on and the others.
func (f Features) Seen(h *head.Head) (seen, unseen []int) {
	for i, hash := range f.Hashes {
		if _, found := slices.BinarySearch(h.Notes.Seen, shortHash(hash)); found {
			seen = append(seen, i)
		} else {
			unseen = append(unseen, i)
		}
	}
	return seen, unseen
}

// shortHashes returns what head.Notes.Seen records of images, sorted and without duplicates.
func shortHashes(hashes []string) []string {
	var all []string
	for _, hash := range hashes {
		all = append(all, shortHash(hash))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shortHashDigits is the number of hex digits that a head records of an image.
const shortHashDigits = 16

// shortHash is the beginning of an image's SHA-256 in hex, which a head records to recognize it.
func shortHash(sha256 string) string { return sha256[:min(shortHashDigits, len(sha256))] }
