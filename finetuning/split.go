package finetuning

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/head"
)

// Split are the rows to train on and those to keep out.
type Split struct{ Train, Test []int }

// Group finds copies and near copies among the pictures, so that no split parts them.
func (o *TrainOptions) Group(ctx context.Context, all Features) (head.Duplicates, error) {
	d, err := head.FindDuplicates(ctx, all.X, all.Hashes, o.NearDuplicates)
	if err != nil {
		return d, err
	}
	if class := crowded(all.Labels, d.Groups); d.Alike > 0 && class != "" && !o.OwnNear {
		logrus.Warnf("more than half of the images of %s have features of cosine %g or more with others, too many to be near duplicates: only equal files are kept together; set --near-duplicates to change that", class, o.NearDuplicates)
		return head.FindDuplicates(ctx, all.X, all.Hashes, 0)
	}
	if d.Equal+d.Alike > 0 {
		logrus.Infof("%d images are copies of others, %d more are near duplicates (cosine %g or more); they are kept on one side of every split", d.Equal, d.Alike, o.NearDuplicates)
	}
	for _, p := range d.Pairs {
		logrus.Debugf("near duplicates, cosine %.4f: %s and %s", p.Cosine, all.Paths[p.A], all.Paths[p.B])
	}
	return d, nil
}

// crowded names a class of which more than half of the rows share a group with others, "" if
// there is none: what is usual is no duplicate.
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

// Split chooses the rows to train on and to test on.
func (o *TrainOptions) Split(all Features, groups []string) (Split, error) {
	if !o.OwnFraction {
		var s Split
		for i, name := range all.Splits {
			if name == "test" {
				s.Test = append(s.Test, i)
			} else {
				s.Train = append(s.Train, i)
			}
		}
		if len(s.Test) > 0 {
			logrus.Infof("the dataset's own split is used: %d rows are marked test", len(s.Test))
			return s, s.CheckLeak(groups)
		}
	}
	if o.TestFraction == 0 {
		return Split{}, nil
	}
	train, test, err := head.Split(all.Labels, groups, o.TestFraction, o.Seed)
	if err != nil && o.NearDuplicates > 0 {
		err = fmt.Errorf("%w; if images that are alike are no duplicates here, raise --near-duplicates (0: only equal files)", err)
	}
	return Split{train, test}, err
}

// CheckLeak warns of pictures on both sides of a given split.
func (s Split) CheckLeak(groups []string) error {
	if len(s.Train) == 0 {
		return fmt.Errorf("all rows are marked test: there is nothing to train on")
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
		logrus.Warnf("%d of the test images are copies or near duplicates of training images: the accuracy on them flatters", copies)
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
