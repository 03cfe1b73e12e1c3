package finetuning

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/head"
	"fovea/inputs"
	"fovea/internal/output"
	"fovea/internal/text"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/training"
)

// ErrLabels says that the images cannot be sorted into classes by their labels.
var ErrLabels = errors.New("the labels do not form classes to train on")

// ErrorsFile lists the images that could not be read, in the directory of a training's results.
const ErrorsFile = "errors.csv"

// ImageOptions say which images a network is trained and tested on.
type ImageOptions struct {
	// Paths are files, directories, tar and zip archives, Parquet tables of images, or URLs of any of these
	// in an object store.
	Paths []string
	// Labels names the class of each image (default: the file name up to its first dot). Images
	// without a label are left out.
	Labels pipeline.Labeler
	// GroupBy says which images no split separates, beside equal files.
	GroupBy pipeline.Grouping
	// Sample is the number of images to take, chosen by the seed; 0 for all.
	Sample int
	// TestFraction is the share of the images held out for testing, from 0 (none) to below 1. Images
	// that Labels marks as test are held out instead, unless OwnFraction is set.
	TestFraction float64
	OwnFraction  bool
	// MaxPixels and MaxTime bound what decoding an image takes (default: as in picture.Options).
	MaxPixels int
	MaxTime   time.Duration
	// Progress, if set, is called while the total images are decoded.
	Progress func(s pipeline.Stats, total int)
	// MaxMemory is the number of bytes that reading a table of images or of labels may take; see inputs.Options.
	MaxMemory int64
}

// list finds the images and keeps those with a label, or a sample of them.
func (o ImageOptions) list(ctx context.Context, seed uint64) (pipeline.Listing, error) {
	labels := o.Labels
	if labels == nil {
		labels = pipeline.LabelFunc(pipeline.PrefixLabel)
	}
	options := inputs.Options{MaxMemory: o.MaxMemory}
	listing, err := options.Finder().List(ctx, o.Paths, options.Labeler(labels))
	inputs.WarnForeign(listing.Others)
	if err != nil {
		return listing, err
	}
	inputs.WarnLabels(listing, o.Labels)
	found := len(listing.Items)
	listing.Items = slices.DeleteFunc(listing.Items, func(i pipeline.Item) bool { return i.Label == "" })
	if len(listing.Items) == 0 {
		return listing, fmt.Errorf("%w: none of the %d images has a label", ErrLabels, found)
	}
	if n := found - len(listing.Items); n > 0 {
		logrus.Warnf("leaving out %s without a label", text.Plural(n, "image"))
	}
	listing.Items = pipeline.Sample(listing.Items, o.Sample, seed)
	return listing, o.GroupBy.Group(listing.Items, labels, o.MaxMemory)
}

// load decodes the images as the recipe says, splits them, and lists in the directory out
// those that cannot be read.
func (o ImageOptions) load(ctx context.Context, r recipe.Recipe, out string, seed uint64) (*imageSet, Split, error) {
	listing, err := o.list(ctx, seed)
	if err != nil {
		return nil, Split{}, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, Split{}, fmt.Errorf("make the directory for the results: %w", err)
	}
	images, err := o.decode(ctx, listing, r, out)
	if err != nil {
		return nil, Split{}, err
	}
	split, err := images.split(o.TestFraction, o.OwnFraction, seed)
	if err = errors.Join(images.writeFailures(filepath.Join(out, ErrorsFile)), err); err != nil {
		return nil, Split{}, errors.Join(err, images.Close())
	}
	return images, split, nil
}

// imageSet is labelled images, decoded once to RGB pixels of one size.
type imageSet struct {
	items  []pipeline.Item
	labels []string
	// hashes are the SHA-256 of the files.
	hashes  []string
	classes []string
	// index is the number of each image's class.
	index    []int32
	records  *training.Records
	failures []pipeline.Failure
	// patients are numbered, where images are grouped by them: nothing else is to be told of them.
	patients map[string]string
}

// decode reads the images and keeps their pixels in a temporary file in dir. Images that
// cannot be read become failures.
func (o ImageOptions) decode(ctx context.Context, listing pipeline.Listing, r recipe.Recipe, dir string) (_ *imageSet, err error) {
	config, err := pipeline.ConfigFor(r)
	if err != nil {
		return nil, err
	}
	config.Limit(o.MaxPixels, o.MaxTime)
	if o.GroupBy.ByPatient() { // which is not stored anywhere
		config.Facts.Identity, config.Group = true, picture.Facts.Person
	}
	if o.Progress != nil {
		config.Progress = func(s pipeline.Stats) { o.Progress(s, len(listing.Items)) }
	}
	records, err := training.NewRecords(dir, 3*r.InputWidth*r.InputHeight)
	if err != nil {
		return nil, err
	}
	set := &imageSet{records: records, failures: listing.Failures}
	if o.GroupBy.ByPatient() {
		set.patients = map[string]string{}
	}
	defer func() {
		if err != nil {
			_ = set.Close() // the first error says more
		}
	}()
	stats, err := pipeline.Pixels(ctx, listing.Items, set, config)
	if err == nil {
		err = stats.Check()
	}
	if err != nil {
		return nil, err
	}
	return set, set.classify()
}

// classify finds the classes among the labels.
func (s *imageSet) classify() (err error) {
	if s.classes, err = head.Classes(s.labels); err != nil {
		return fmt.Errorf("%w: %w", ErrLabels, err)
	}
	s.index = classNumbers(s.labels, s.classes)
	return nil
}

// classNumbers returns the index of each label among the sorted classes.
func classNumbers(labels, classes []string) []int32 {
	numbers := make([]int32, len(labels))
	for i, label := range labels {
		n, _ := slices.BinarySearch(classes, label)
		numbers[i] = int32(n)
	}
	return numbers
}

// Append implements pipeline.PixelSink: it keeps the pixels of an image.
func (s *imageSet) Append(image pipeline.DecodedImage) error {
	if err := s.records.Append(image.Pix); err != nil {
		return err
	}
	if s.patients != nil {
		if s.patients[image.Group] == "" {
			s.patients[image.Group] = fmt.Sprintf("patient %d", len(s.patients)+1)
		}
		image.Group = s.patients[image.Group]
	}
	s.items = append(s.items, image.Item)
	s.labels = append(s.labels, featurestore.EscapeText(image.Label))
	s.hashes = append(s.hashes, image.SHA256)
	return nil
}

// Fail implements pipeline.PixelSink: it notes an image that cannot be read.
func (s *imageSet) Fail(f pipeline.Failure) error {
	inputs.WarnFailure(f)
	s.failures = append(s.failures, f)
	return nil
}

// Close removes the pixels.
func (s *imageSet) Close() error { return s.records.Close() }

// writeFailures writes the table of images that could not be read.
func (s *imageSet) writeFailures(file string) error {
	var out bytes.Buffer
	records := [][]string{{"path", "stage", "reason"}}
	for _, f := range s.failures {
		records = append(records, []string{featurestore.EscapeText(f.Path), string(f.Stage), featurestore.EscapeText(f.Reason)})
	}
	if err := csv.NewWriter(&out).WriteAll(records); err != nil {
		return err
	}
	return output.WriteFile(file, out.Bytes())
}

// fingerprint changes with the images, their labels and their order. It is in checkpoints, so it
// must stay as it is.
func (s *imageSet) fingerprint() string {
	sum := sha256.New()
	for i := range s.items {
		fmt.Fprintf(sum, "%s %q %q\n", s.hashes[i], s.labels[i], s.items[i].Split)
		if group := s.items[i].Group; group != "" {
			fmt.Fprintf(sum, "%q\n", group)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// split divides the images into training and test set: by the marks of the labels' table, if it has
// any and own is false, otherwise by taking a fraction of each class. Copies of an image stay together.
func (s *imageSet) split(fraction float64, own bool, seed uint64) (split Split, err error) {
	splits, groups := make([]string, len(s.items)), make([]string, len(s.items))
	for i, item := range s.items {
		splits[i], groups[i] = item.Split, item.Group
	}
	noteGroups(groups)
	if !own {
		if split, err = ownSplit(splits); err != nil {
			return Split{}, fmt.Errorf("the split in the table of labels: %w", err)
		}
	}
	switch {
	case len(split.Test) > 0:
		split.warnOfDivided(groups)
		err = split.CheckLeak(s.hashes)
	case fraction == 0:
		return Split{Train: allRows(len(s.items))}, nil
	default:
		split.Train, split.Test, err = head.Split(s.labels, joinGroups(s.hashes, groups), fraction, seed)
		err = ofGroups(err, groups)
	}
	if err != nil {
		return Split{}, err
	}
	left, err := head.Classes(pick(s.labels, split.Train))
	if err != nil {
		return Split{}, fmt.Errorf("too few images to train on: %w", err)
	}
	warnOfUntested(s.labels, split)
	if len(left) < len(s.classes) {
		return Split{}, fmt.Errorf("all images of a class are in the test set: the classes left to train on are %s", strings.Join(left, ", "))
	}
	return split, nil
}

// allRows are the numbers below n.
func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// examples are some of the images as the network takes them, size pixels wide and high.
func (s *imageSet) examples(rows []int, size int, normalization preprocessing.Spec, augment picture.Augmentation) *training.Examples {
	changed := make([]uint8, 3*size*size)
	return &training.Examples{
		Records: s.records, Classes: s.index, Rows: rows, Values: 3 * size * size,
		Decode: func(dst []float32, record []byte, random *rand.Rand) {
			if augment != (picture.Augmentation{}) {
				augment.Apply(changed, record, size, size, random)
				record = changed
			}
			normalization.Apply(dst, record)
		},
	}
}
