package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/inference"
	"fovea/internal/spelling"
	"fovea/models"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/recipe"
)

// query is what similar rows are looked for.
type query struct {
	vector []float32
	// name is the row's or the file's; row is the row's place, -1 for a file.
	name string
	row  int
	// file is the picture's, if it is not in the dataset.
	file string
}

// errFound ends a scan that has what it looked for.
var errFound = errors.New("found")

// findQuery finds what text means: the number of a row, the path of a row, or a picture's
// file, whose features extract computes.
func findQuery(ctx context.Context, d *featurestore.Dataset, layer recipe.Layer, text string) (query, error) {
	if d.Rows() == 0 {
		return query{}, fmt.Errorf("the dataset has %w", featurestore.ErrEmpty)
	}
	number, err := strconv.Atoi(text)
	isNumber := err == nil
	if isNumber && (number < 0 || number >= d.Rows()) {
		return query{}, fmt.Errorf("--query %d: the dataset has the rows 0 to %d", number, d.Rows()-1)
	}
	index, err := d.Index(ctx)
	if err != nil {
		return query{}, err
	}
	// A name as it is shown is that row's, whatever another's bytes are.
	row := slices.IndexFunc(index.Paths, func(path string) bool { return spelling.Spell(path) == text })
	if row < 0 {
		row = slices.Index(index.Paths, text)
	}
	if row < 0 && isNumber {
		row = number
	}
	if row >= 0 {
		return readQuery(ctx, d, layer, row)
	}
	file, err := cli.LocalPath(text)
	if err != nil {
		return query{}, err
	}
	if _, err := os.Stat(file); err != nil {
		return query{}, fmt.Errorf("--query %s is neither the number nor the path of a row, nor a file", text)
	}
	vector, err := computeFeatures(ctx, d.Recipe(), layer, file)
	return query{vector: vector, name: text, row: -1, file: file}, err
}

// readQuery reads the vector of a row.
func readQuery(ctx context.Context, d *featurestore.Dataset, layer recipe.Layer, row int) (query, error) {
	q := query{row: row}
	err := d.Scan(ctx, featurestore.ScanOptions{Layers: []string{layer.Name}}, func(b *featurestore.Batch) error {
		if at := row - b.Index[0]; at < len(b.Rows) {
			q.name = b.Rows[at].Path
			q.vector = append(q.vector, b.Vectors[0][at*layer.Size():(at+1)*layer.Size()]...)
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return q, err
}

// pictureSink keeps the features of one picture.
type pictureSink struct {
	vector  []float32
	failure error
}

func (s *pictureSink) Append(rows []pipeline.Row) error {
	s.vector = append(s.vector, rows[0].Features[0]...)
	return nil
}

func (s *pictureSink) Fail(f pipeline.Failure) error {
	s.failure = fmt.Errorf("%s cannot be read: %s: %s", f.File, f.Stage, f.Reason)
	return nil
}

// computeFeatures runs the dataset's model, with its preprocessing, on a picture.
func computeFeatures(ctx context.Context, want recipe.Recipe, layer recipe.Layer, file string) ([]float32, error) {
	session := cli.SessionFlags{Device: inference.DeviceAuto, Precision: want.Precision, Batch: 1}
	config, err := session.Config()
	if err != nil {
		return nil, err
	}
	model, err := models.Open(want.Model, models.Options{
		Session: config, Preprocessing: want.Preprocessing,
		InputHeight: want.InputHeight, InputWidth: want.InputWidth, Dense: picture.Views(want.Views).IsDense(),
	})
	if err != nil {
		return nil, fmt.Errorf("the dataset's model cannot be opened: %w", err)
	}
	defer model.Close() //nolint:errcheck // the process ends here
	extractor, err := inference.NewExtractor(model, inference.ExtractorOptions{Layers: []string{layer.Name}, Pool: want.Pool, Batch: 1})
	if err != nil {
		return nil, err
	}
	actual := extractor.Model().Recipe().WithPicturesOf(want)
	for _, difference := range want.Compare(actual) {
		if !difference.Minor {
			return nil, fmt.Errorf("%s cannot be compared with the dataset: %s: %s in the dataset, %s now", file, difference.Field, difference.Have, difference.Got)
		}
	}
	pictures, err := pipeline.ConfigFor(actual)
	if err != nil {
		return nil, err
	}
	var sink pictureSink
	item := pipeline.Item{Path: filepath.Base(file), File: file, Argument: file}
	if _, err := pipeline.Run(ctx, []pipeline.Item{item}, extractor, &sink, pictures); err != nil {
		return nil, err
	}
	return sink.vector, sink.failure
}
