package finetuning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/head"
)

// Split holds the rows of the training set and of the test set.
type Split struct{ Train, Test []int }

// Group finds copies and near duplicates among the images, so that no split separates them. Where
// NearDuplicates was not set by the user and more than half of a class would be near duplicates,
// only equal files count as copies.
func (o *TrainOptions) Group(ctx context.Context, all Features) (head.Duplicates, error) {
	d, err := head.FindDuplicates(ctx, all.X, all.Hashes, o.NearDuplicates)
	if err != nil {
		return d, err
	}
	if class := crowded(all.Labels, d.Groups); d.Alike > 0 && class != "" && !o.OwnNear {
		logrus.Warnf("more than half of the images of %s have features of cosine %g or more with others, too many to be near duplicates: keeping only identical files together; set --near-duplicates to change that", class, o.NearDuplicates)
		return head.FindDuplicates(ctx, all.X, all.Hashes, 0)
	}
	if d.Equal+d.Alike > 0 {
		logrus.Infof("%d images are copies of others, %d more are near duplicates (cosine %g or more); no split separates them", d.Equal, d.Alike, o.NearDuplicates)
	}
	for _, p := range d.Pairs {
		logrus.Debugf("near duplicates, cosine %.4f: %s and %s", p.Similarity, all.Paths[p.A], all.Paths[p.B])
	}
	return d, nil
}

// crowded returns a class more than half of whose rows share a group with others, "" if there
// is none: what holds for most images of a class does not make them duplicates.
func crowded(labels, groups []string) string {
	rows, distinct, seen := map[string]int{}, map[string]int{}, map[string]bool{}
	for i, l := range labels {
		rows[l]++
		if !seen[groups[i]] {
			seen[groups[i]] = true
			distinct[l]++
		}
	}
	for _, l := range slices.Sorted(maps.Keys(rows)) {
		if 2*distinct[l] < rows[l] {
			return l
		}
	}
	return ""
}

// Split divides the rows into a training set and a test set: by the dataset's own split where it
// marks rows "test" and OwnFraction is not set, else at random by TestFraction. With a TestFraction
// of 0 both are empty, which means that all rows are trained on. Rows of one group stay together.
func (o *TrainOptions) Split(all Features, groups []string) (Split, error) {
	if !o.OwnFraction {
		if s := ownSplit(all.Splits); len(s.Test) > 0 {
			logrus.Infof("using the dataset's own split: %d rows are marked test", len(s.Test))
			return s, s.CheckLeak(groups)
		}
	}
	if o.TestFraction == 0 {
		return Split{}, nil
	}
	train, test, err := head.Split(all.Labels, groups, o.TestFraction, o.Seed)
	if err != nil && o.NearDuplicates > 0 {
		err = fmt.Errorf("%w; if images that look alike are not duplicates here, raise --near-duplicates (0: only equal files)", err)
	}
	return Split{train, test}, err
}

// ownSplit is the split that names of splits give: "test" marks the test set.
func ownSplit(splits []string) Split {
	var s Split
	for i, name := range splits {
		if name == "test" {
			s.Test = append(s.Test, i)
		} else {
			s.Train = append(s.Train, i)
		}
	}
	return s
}

// CheckLeak warns about test images with copies or near duplicates in the training set of a given
// split. A split without a training set is an error.
func (s Split) CheckLeak(groups []string) error {
	if len(s.Train) == 0 {
		return errors.New("all rows are marked test: there is nothing to train on")
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

// Pick copies the given elements.
func Pick[T any](from []T, rows []int) []T {
	to := make([]T, len(rows))
	for i, r := range rows {
		to[i] = from[r]
	}
	return to
}
