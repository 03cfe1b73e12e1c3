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
	"fovea/recipe"
)

// features are the labelled rows of a dataset.
type features struct {
	recipe recipe.Recipe
	// layers are those that the columns of x are made of, one after another.
	layers []recipe.Layer
	x      head.Matrix
	labels []string
	splits []string
	// hashes are those of the pictures' files, by which copies are known.
	hashes []string
	// paths name the pictures within the dataset.
	paths []string
}

// loadFeatures reads layers of a dataset, none or "" for its only one, and leaves out rows
// without a label.
func loadFeatures(ctx context.Context, dir string, names ...string) (features, error) {
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
		table, err := dataset.Matrix(ctx, name)
		if err != nil {
			return features{}, err
		}
		tables = append(tables, table)
	}
	table := tables[0]
	f := features{recipe: r, labels: table.Labels, splits: table.Splits, hashes: table.SHA256, paths: table.Paths}
	for _, name := range names {
		layer, _ := r.Layer(name) // it has been read
		f.layers = append(f.layers, layer)
	}
	f.x = joined(tables)
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
		f = f.choose(labelled)
	}
	return f, nil
}

// layerNames are the names of layers, for people.
func layerNames(layers []recipe.Layer) string {
	return strings.Join(recipe.Recipe{Layers: layers}.LayerNames(), ", ")
}

// joined puts tables of the same rows side by side.
func joined(tables []*featurestore.Table) head.Matrix {
	x := head.Matrix{Rows: tables[0].Rows}
	if len(tables) == 1 {
		x.Cols, x.Data = tables[0].Cols, tables[0].Data
		return x
	}
	for _, t := range tables {
		x.Cols += t.Cols
		x.Blocks = append(x.Blocks, t.Cols)
	}
	x.Data = make([]float32, 0, x.Rows*x.Cols)
	for i := range x.Rows {
		for _, t := range tables {
			x.Data = append(x.Data, t.Data[i*t.Cols:(i+1)*t.Cols]...)
		}
	}
	return x
}

// choose copies the given rows.
func (f features) choose(rows []int) features {
	f.x = f.x.Select(rows)
	f.labels, f.splits, f.hashes, f.paths = pick(f.labels, rows), pick(f.splits, rows), pick(f.hashes, rows), pick(f.paths, rows)
	return f
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
