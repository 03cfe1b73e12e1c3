package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/cli"
	"fovea/internal/spelling"
	"fovea/recipe"
)

// features are the labelled rows of a dataset.
type features struct {
	recipe recipe.Recipe
	// layers are those that the columns of x are made of, one after another.
	layers []recipe.Layer
	x      head.Matrix
	// labels are as the dataset's column shows them: what is no UTF-8 in them is spelled.
	labels []string
	splits []string
	// hashes are those of the pictures' files, by which copies are known.
	hashes []string
	// paths name the pictures within the dataset.
	paths []string
}

// free gives back the memory of the values, which nobody may look at after that.
func (f *features) free() { f.x.Free() }

// loadFeatures reads layers of a dataset, none or "" for its only one, and leaves out rows
// without a label.
// Tables as large as the features are put into memory.
func loadFeatures(ctx context.Context, memory head.Memory, dir string, names ...string) (features, error) {
	dataset, err := featurestore.Open(dir)
	if err != nil {
		return features{}, err
	}
	r := dataset.Recipe()
	if status := dataset.Manifest().Status; status != featurestore.StatusComplete {
		logrus.Warnf("%s is not complete (%s): it has %d rows so far", dir, status, dataset.Rows())
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	if len(names) == 0 {
		if len(r.Layers) != 1 {
			return features{}, cli.Usagef("%s has the layers %s: choose one or several by --layers", dir, strings.Join(r.LayerNames(), ", "))
		}
		names = r.LayerNames()
	}
	var tables []*featurestore.Table
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return features{}, cli.Usagef("--layers names %s twice", name)
		}
		table, err := dataset.MatrixIn(ctx, name, memory.Floats)
		if err != nil {
			return features{}, err
		}
		tables = append(tables, table)
	}
	table := tables[0]
	f := features{recipe: r, labels: spelled(table.Labels), splits: table.Splits, hashes: table.SHA256, paths: table.Paths}
	for _, name := range names {
		layer, _ := r.Layer(name) // it has been read
		f.layers = append(f.layers, layer)
	}
	if f.x, err = joined(tables, memory); err != nil {
		return features{}, err
	}
	var labelled []int
	for i, l := range f.labels {
		if l != "" {
			labelled = append(labelled, i)
		}
	}
	if len(labelled) == 0 {
		return features{}, fmt.Errorf("the rows of %s have no labels: extract them with --labels prefix, dir or csv:FILE", dir)
	}
	if missing := len(f.labels) - len(labelled); missing > 0 {
		logrus.Warnf("%d of %d rows have no label and are left out", missing, len(f.labels))
		all := f
		if f, err = all.choose(labelled); err != nil {
			return features{}, err
		}
		all.free()
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

// warnOfAlike names classes that are probably one.
func warnOfAlike(classes []string) {
	for _, group := range spelling.Alike(classes) {
		logrus.Warnf("the labels %+q look alike and are classes of their own: give them one name if they are one", group)
	}
}

// checkFinite refuses values that are no numbers. Extract writes none, other programs may.
func (f features) checkFinite(dir string) error {
	row, column, found := f.x.NotFinite()
	if !found {
		return nil
	}
	value := f.x.Row(row)[column]
	layer, within := columnOf(f.layers, column)
	return fmt.Errorf("%s: value %d of %s of %s is %g: extract that picture again (extract dataset validate names all such rows)", dir, within, layer.Name, f.paths[row], value)
}

// columnOf finds the layer, and the value of it, that a column is.
func columnOf(layers []recipe.Layer, column int) (layer recipe.Layer, within int) {
	for _, l := range layers {
		if column < l.Size() {
			return l, column
		}
		column -= l.Size()
	}
	return recipe.Layer{}, column
}

// layerNames are the names of layers, for people.
func layerNames(layers []recipe.Layer) string {
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

// choose copies the given rows.
func (f features) choose(rows []int) (features, error) {
	x, err := f.x.Select(rows)
	if err != nil {
		return features{}, err
	}
	f.x = x
	f.labels, f.splits, f.hashes, f.paths = pick(f.labels, rows), pick(f.splits, rows), pick(f.hashes, rows), pick(f.paths, rows)
	return f, nil
}

// seen divides the rows into those whose pictures a head was trained on, and others.
func (f features) seen(h *head.Head) (seen, unseen []int) {
	for i, hash := range f.hashes {
		if _, found := slices.BinarySearch(h.Notes.Seen, shortHash(hash)); found {
			seen = append(seen, i)
		} else {
			unseen = append(unseen, i)
		}
	}
	return seen, unseen
}

// seenLength is the number of hex digits by which a head remembers a picture.
const seenLength = 16

func shortHash(sha256 string) string { return sha256[:min(seenLength, len(sha256))] }
