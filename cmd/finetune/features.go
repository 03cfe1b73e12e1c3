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
	layer  recipe.Layer
	x      head.Matrix
	labels []string
	splits []string
	// hashes are those of the pictures' files, by which copies are known.
	hashes []string
	// paths name the pictures within the dataset.
	paths []string
}

// loadFeatures reads a layer of a dataset, "" for its only one, and leaves out rows without
// a label.
func loadFeatures(ctx context.Context, dir, layer string) (features, error) {
	dataset, err := featurestore.Open(dir)
	if err != nil {
		return features{}, err
	}
	r := dataset.Recipe()
	if status := dataset.Manifest().Status; status != featurestore.StatusComplete {
		logrus.Warnf("%s is not complete (%s): it has %d rows so far", dir, status, dataset.Rows())
	}
	if layer == "" {
		if len(r.Layers) != 1 {
			return features{}, cli.Usagef("%s has the layers %s: choose one by --layer", dir, strings.Join(r.LayerNames(), ", "))
		}
		layer = r.Layers[0].Name
	}
	table, err := dataset.Matrix(ctx, layer)
	if err != nil {
		return features{}, err
	}
	f := features{
		recipe: r, x: head.Matrix{Rows: table.Rows, Cols: table.Cols, Data: table.Data},
		labels: table.Labels, splits: table.Splits, hashes: table.SHA256, paths: table.Paths,
	}
	f.layer, _ = r.Layer(layer)
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
