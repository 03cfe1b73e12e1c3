package finetuning

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"errors"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/spelling"
	"fovea/recipe"
)

// ErrLayers says that the layers to train on are not given, or not clearly.
var ErrLayers = errors.New("choose one or several by --layers")

// Features are the labelled rows of a dataset.
type Features struct {
	Recipe recipe.Recipe
	// Layers are those that the columns of X are made of, one after another.
	Layers []recipe.Layer
	X      head.Matrix
	// Labels are as the dataset's column shows them: what is no UTF-8 in them is spelled.
	Labels []string
	Splits []string
	// Hashes are those of the pictures' files, by which copies are known.
	Hashes []string
	// Paths name the pictures within the dataset.
	Paths []string
}

// Free gives back the memory of the values, which nobody may look at after that.
func (f *Features) Free() { f.X.Free() }

// Load reads layers of a dataset, none or "" for its only one, and leaves out rows
// without a label.
// Tables as large as the features are put into memory.
func Load(ctx context.Context, memory head.Memory, dir string, names ...string) (Features, error) {
	dataset, err := featurestore.Open(dir)
	if err != nil {
		return Features{}, err
	}
	r := dataset.Recipe()
	if status := dataset.Manifest().Status; status != featurestore.StatusComplete {
		logrus.Warnf("%s is not complete (%s): it has %d rows so far", dir, status, dataset.Rows())
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	if len(names) == 0 {
		if len(r.Layers) != 1 {
			return Features{}, fmt.Errorf("%s has the layers %s: %w", dir, strings.Join(r.LayerNames(), ", "), ErrLayers)
		}
		names = r.LayerNames()
	}
	var tables []*featurestore.Table
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return Features{}, fmt.Errorf("the layer %s is named twice: %w", name, ErrLayers)
		}
		table, err := dataset.MatrixIn(ctx, name, memory.Floats)
		if err != nil {
			return Features{}, err
		}
		tables = append(tables, table)
	}
	table := tables[0]
	f := Features{Recipe: r, Labels: spelled(table.Labels), Splits: table.Splits, Hashes: table.SHA256, Paths: table.Paths}
	for _, name := range names {
		layer, _ := r.Layer(name) // it has been read
		f.Layers = append(f.Layers, layer)
	}
	if f.X, err = joined(tables, memory); err != nil {
		return Features{}, err
	}
	var labelled []int
	for i, l := range f.Labels {
		if l != "" {
			labelled = append(labelled, i)
		}
	}
	if len(labelled) == 0 {
		return Features{}, fmt.Errorf("the rows of %s have no labels: extract them with --labels prefix, dir or csv:FILE", dir)
	}
	if missing := len(f.Labels) - len(labelled); missing > 0 {
		logrus.Warnf("%d of %d rows have no label and are left out", missing, len(f.Labels))
		all := f
		if f, err = all.Choose(labelled); err != nil {
			return Features{}, err
		}
		all.Free()
	}
	return f, f.checkFinite(dir)
}

// spelled are names as people and other programs see them. Heads have these, so that a class has
// one name in datasets, heads and predictions, and one that can be written to a head's file.
func spelled(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = featurestore.EscapeText(name)
	}
	return out
}

// WarnOfAlike names classes that are probably one.
func WarnOfAlike(classes []string) {
	for _, group := range spelling.Alike(classes) {
		logrus.Warnf("the labels %+q look alike and are classes of their own: give them one name if they are one", group)
	}
}

// checkFinite refuses values that are no numbers. Extract writes none, other programs may.
func (f Features) checkFinite(dir string) error {
	row, column, found := f.X.NotFinite()
	if !found {
		return nil
	}
	value := f.X.Row(row)[column]
	layer, within := ColumnOf(f.Layers, column)
	return fmt.Errorf("%s: value %d of %s of %s is %g: extract that image again (extract dataset validate names all such rows)", dir, within, layer.Name, f.Paths[row], value)
}

// ColumnOf finds the layer, and the value of it, that a column is.
func ColumnOf(layers []recipe.Layer, column int) (layer recipe.Layer, within int) {
	for _, l := range layers {
		if column < l.Size() {
			return l, column
		}
		column -= l.Size()
	}
	return recipe.Layer{}, column
}

// LayerNames are the names of layers, for people.
func LayerNames(layers []recipe.Layer) string {
	return strings.Join(recipe.Recipe{Layers: layers}.LayerNames(), ", ")
}

// joined puts tables of the same rows side by side.
func joined(tables []*featurestore.Table, memory head.Memory) (head.Matrix, error) {
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
	f.Labels, f.Splits, f.Hashes, f.Paths = Pick(f.Labels, rows), Pick(f.Splits, rows), Pick(f.Hashes, rows), Pick(f.Paths, rows)
	return f, nil
}

// Seen divides the rows into those whose pictures a head was trained on, and others.
func (f Features) Seen(h *head.Head) (seen, unseen []int) {
	for i, hash := range f.Hashes {
		if _, found := slices.BinarySearch(h.Notes.Seen, ShortHash(hash)); found {
			seen = append(seen, i)
		} else {
			unseen = append(unseen, i)
		}
	}
	return seen, unseen
}

// seenLength is the number of hex digits by which a head remembers a picture.
const seenLength = 16

func ShortHash(sha256 string) string { return sha256[:min(seenLength, len(sha256))] }
