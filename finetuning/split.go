package finetuning

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
)

// Split holds the rows of the training set and of the test set.
type Split struct{ Train, Test []int }

// Split divides the rows into a training set and a test set: by the dataset's own split where it
// has one and OwnFraction is not set, else at random by TestFraction. With a TestFraction
// of 0 both are empty, which means that all rows are trained on. Rows of one group, and duplicates, stay together; of a
// split that the dataset has, those that it divides are told of.
func (o *TrainOptions) Split(all Features, duplicates Duplicates) (Split, error) {
	if !o.OwnFraction {
		s, err := ownSplit(all.Splits)
		if err != nil {
			return Split{}, fmt.Errorf("the dataset's split: %w", err)
		}
		if len(s.Test) > 0 {
			if err := s.checkTrained(all.Labels); err != nil {
				return Split{}, err
			}
			warnOfUntested(all.Labels, s)
			s.warnOfDivided(all.Groups)
			return s, s.CheckLeak(duplicates.Groups)
		}
	}
	if o.TestFraction == 0 {
		return Split{}, nil
	}
	train, test, err := head.Split(all.Labels, duplicates.Together, o.TestFraction, o.Seed)
	if err != nil {
		return Split{}, fmt.Errorf("%w; --test-fraction 0 trains on all of them", o.indivisible(err, all.Groups))
	}
	warnOfUntested(all.Labels, Split{train, test})
	return Split{train, test}, nil
}

// indivisible says what may help where rows that stay together leave no split or fold.
func (o *TrainOptions) indivisible(err error, groups []string) error {
	if o.NearDuplicates > 0 && (errors.Is(err, head.ErrTogether) || errors.Is(err, head.ErrAlike)) {
		err = fmt.Errorf("%w; if images that look alike are not duplicates here, raise --near-duplicates (0: only equal files)", err)
	}
	return ofGroups(err, groups)
}

// roles are what names of splits mean, in lower case.
var roles = map[string]string{
	"": "train", "train": "train", "training": "train", "test": "test", "testing": "test",
	"val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
}

// ownSplit is the split that names of splits give, of which it tells.
func ownSplit(splits []string) (Split, error) {
	s, validation, err := markedSplit(splits)
	switch {
	case err != nil:
	case len(validation) > 0 && len(s.Test) == len(validation) && s.Test[0] == validation[0]:
		logrus.Infof("testing on the %s marked validation: none is marked test", text.Plural(len(validation), "row"))
	case len(validation) > 0:
		logrus.Infof("testing on the %s marked test, without the %s for validation, since training makes its own validation sets", text.Plural(len(s.Test), "row"), text.Plural(len(validation), "row"))
	case len(s.Test) > 0:
		logrus.Infof("testing on the %s marked test", text.Plural(len(s.Test), "row"))
	}
	return s, err
}

// markedSplit is the split that names of splits give, and the rows for validation. These are the test set where there is
// no other, and else in none: the training makes its own validation sets. Names without a meaning are an error, since
// rows of a test set by another name must not be trained on.
func markedSplit(splits []string) (s Split, validation []int, err error) {
	rows, unknown := map[string][]int{}, map[string]int{}
	for i, name := range splits {
		role, known := roles[strings.ToLower(strings.TrimSpace(name))]
		if !known {
			unknown[name]++
		}
		rows[role] = append(rows[role], i)
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		return Split{}, nil, fmt.Errorf("%s marked %q, which says neither train, validation (val) nor test: correct the marks, or split at random with --test-fraction", text.Count(unknown[name], "row is", "rows are"), name)
	}
	s, validation = Split{Train: rows["train"], Test: rows["test"]}, rows["validation"]
	if len(s.Test) == 0 {
		s.Test = validation
	}
	return s, validation, nil
}

// errNothingToTrainOn says that a split has no training set.
var errNothingToTrainOn = errors.New("all rows are marked test or validation: there is nothing to train on")

// checkTrained refuses classes of which no row is trained on: a head would not know them.
func (s Split) checkTrained(labels []string) error {
	c := classCounts{split: s}
	if err := c.count(labels); err != nil {
		return err
	}
	if none := fewerThan(c.learn, 1); len(none) > 0 {
		return c.refuse(none)
	}
	return nil
}

// warnOfUntested names classes without test rows.
func warnOfUntested(labels []string, s Split) {
	rows := map[string]int{}
	for _, i := range s.Train {
		rows[labels[i]] = 0
	}
	for _, i := range s.Test {
		rows[labels[i]]++
	}
	var without []string
	for _, class := range slices.Sorted(maps.Keys(rows)) {
		if rows[class] == 0 {
			without = append(without, class)
		}
	}
	if len(without) > 0 {
		logrus.Warnf("no test image for %s: the test says nothing about them", text.Some(without))
	}
}

// CheckLeak warns about test images with copies or near duplicates in the training set of a given
// split. A split without a training set is an error.
func (s Split) CheckLeak(groups []string) error {
	if len(s.Train) == 0 {
		return errNothingToTrainOn
	}
	trained := map[string]bool{}
	for _, i := range s.Train {
		trained[groups[i]] = true
	}
	copies := 0
	for _, i := range s.Test {
		if trained[groups[i]] {
			copies++
		}
	}
	if copies > 0 {
		logrus.Warnf("%d of the test images are copies or near duplicates of training images: the test accuracy is too optimistic", copies)
	}
	return nil
}

// pick copies the given elements.
func pick[T any](from []T, rows []int) []T {
	to := make([]T, len(rows))
	for i, r := range rows {
		to[i] = from[r]
	}
	return to
}
