package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
	"fovea/internal/output"
	"fovea/internal/spelling"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/training"
)

// trainingPictures are pictures with labels, decoded once to bytes of one size.
type trainingPictures struct {
	items   []pipeline.Item
	labels  []string
	hashes  []string
	classes []string
	// index has the number of every picture's class.
	index    []int32
	records  *training.Records
	failures []pipeline.Failure
}

// decodePictures reads the pictures and keeps their pixels in a file in dir. Pictures that
// cannot be read are failures.
func decodePictures(ctx context.Context, log *cli.LogOptions, listing pipeline.Listing, r recipe.Recipe, dir string) (_ *trainingPictures, err error) {
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		return nil, err
	}
	normalization := config.Preprocessing
	config.Preprocessing = preprocessing.None // bytes are what is kept
	records, err := training.NewRecords(dir, 3*r.InputWidth*r.InputHeight)
	if err != nil {
		return nil, err
	}
	p := &trainingPictures{records: records, failures: listing.Failures}
	defer func() {
		if err != nil {
			_ = records.Close() // the error at hand says more
		}
	}()
	if err := normalization.Validate(); err != nil {
		return nil, err
	}
	progress := log.NewProgress("reading", len(listing.Items))
	config.Progress = progress.Update
	stats, err := pipeline.Run(ctx, listing.Items, pixelsAlone{}, p, config)
	progress.Done()
	if err == nil {
		err = stats.Check()
	}
	if err != nil {
		return nil, err
	}
	if p.classes, err = head.Classes(p.labels); err != nil {
		return nil, err
	}
	for _, l := range p.labels {
		i, _ := slices.BinarySearch(p.classes, l)
		p.index = append(p.index, int32(i))
	}
	return p, nil
}

// pixelsAlone hands a picture's numbers on as its features.
type pixelsAlone struct{}

const pixelsBatch = 8

func (pixelsAlone) BatchSize() int { return pixelsBatch }

func (pixelsAlone) Extract(pixels []float32, _ int) ([][]float32, error) {
	return [][]float32{slices.Clone(pixels)}, nil // the pipeline uses its buffers again
}

// Append keeps the pixels of pictures that have a label.
func (p *trainingPictures) Append(rows []pipeline.Row) error {
	for _, row := range rows {
		if row.Label == "" {
			return fmt.Errorf("%s has no label: leave it out, or label it", row.Path)
		}
		record := make([]byte, len(row.Features[0]))
		for i, v := range row.Features[0] {
			record[i] = uint8(v)
		}
		if err := p.records.Append(record); err != nil {
			return err
		}
		p.items, p.labels, p.hashes = append(p.items, row.Item), append(p.labels, featurestore.EscapeText(row.Label)), append(p.hashes, row.SHA256)
	}
	return nil
}

// Fail notes a picture that cannot be read.
func (p *trainingPictures) Fail(f pipeline.Failure) error {
	logrus.WithFields(logrus.Fields{"path": spelling.Spell(f.Path), "stage": f.Stage}).Warn(spelling.Spell(f.Reason))
	p.failures = append(p.failures, f)
	return nil
}

// writeFailures writes the list of pictures that could not be read.
func (p *trainingPictures) writeFailures(file string) error {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	records := [][]string{{"path", "stage", "reason"}}
	for _, f := range p.failures {
		records = append(records, []string{featurestore.EscapeText(f.Path), string(f.Stage), featurestore.EscapeText(f.Reason)})
	}
	if err := w.WriteAll(records); err != nil {
		return err
	}
	return output.WriteFile(file, out.Bytes())
}

// fingerprint changes with the pictures, their labels and their order.
func (p *trainingPictures) fingerprint() string {
	sum := sha256.New()
	for i := range p.items {
		fmt.Fprintf(sum, "%s %q %q\n", p.hashes[i], p.labels[i], p.items[i].Split)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// split divides the pictures into those to train on and those to validate on: the ones that
// the labels' table marks test, if own is false and it marks any, or a fraction of each class.
// Copies of a picture stay on one side.
func (p *trainingPictures) split(fraction float64, own bool, seed uint64) (finetuning.Split, error) {
	var s finetuning.Split
	for i, item := range p.items {
		if item.Split == "test" {
			s.Test = append(s.Test, i)
		} else {
			s.Train = append(s.Train, i)
		}
	}
	switch {
	case len(s.Test) > 0 && !own:
		logrus.Infof("the table's own split is used: %d images are marked test", len(s.Test))
		if err := s.CheckLeak(p.hashes); err != nil {
			return finetuning.Split{}, err
		}
	case fraction == 0:
		for i := range p.items {
			s.Train = append(s.Train[:i], i)
		}
		return finetuning.Split{Train: s.Train}, nil
	default:
		var err error
		if s.Train, s.Test, err = head.Split(p.labels, p.hashes, fraction, seed); err != nil {
			return finetuning.Split{}, err
		}
	}
	if trained, err := head.Classes(finetuning.Pick(p.labels, s.Train)); err != nil {
		return finetuning.Split{}, fmt.Errorf("too few images to train on: %w", err)
	} else if len(trained) < len(p.classes) {
		return finetuning.Split{}, fmt.Errorf("all images of a class are kept out of the training: the classes left are %s", joinClasses(trained))
	}
	return s, nil
}

// examples are some of the pictures as a network of that size takes them.
func (p *trainingPictures) examples(rows []int, size int, normalization preprocessing.Spec, augment picture.Augmentation) *training.Examples {
	changed := make([]uint8, 3*size*size)
	return &training.Examples{
		Records: p.records, Classes: p.index, Rows: rows, Values: 3 * size * size,
		Decode: func(dst []float32, record []byte, random *rand.Rand) {
			if augment != (picture.Augmentation{}) {
				augment.Apply(changed, record, size, size, random)
				record = changed
			}
			normalization.Apply(dst, record)
		},
	}
}
