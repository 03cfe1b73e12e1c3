package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/head"
)

// sides are the rows to train on and those to keep out.
type sides struct{ train, test []int }

// group finds copies and near copies among the pictures, so that no split parts them.
func (o *trainOptions) group(ctx context.Context, all features) (head.Duplicates, error) {
	d, err := head.FindDuplicates(ctx, all.x, all.hashes, o.nearDuplicates)
	if err != nil {
		return d, err
	}
	if class := crowded(all.labels, d.Groups); d.Alike > 0 && class != "" && !o.ownNear {
		logrus.Warnf("more than half of the pictures of %s have features of cosine %g or more with others, too many to be near duplicates: only equal files are kept together; set --near-duplicates to change that", class, o.nearDuplicates)
		return head.FindDuplicates(ctx, all.x, all.hashes, 0)
	}
	if d.Equal+d.Alike > 0 {
		logrus.Infof("%d pictures are copies of others, %d more are near duplicates (cosine %g or more); they are kept on one side of every split", d.Equal, d.Alike, o.nearDuplicates)
	}
	for _, p := range d.Pairs {
		logrus.Debugf("near duplicates, cosine %.4f: %s and %s", p.Cosine, all.paths[p.A], all.paths[p.B])
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

// split chooses the rows to train on and to test on.
func (o *trainOptions) split(all features, groups []string) (sides, error) {
	if !o.ownFraction {
		var s sides
		for i, name := range all.splits {
			if name == "test" {
				s.test = append(s.test, i)
			} else {
				s.train = append(s.train, i)
			}
		}
		if len(s.test) > 0 {
			logrus.Infof("the dataset's own split is used: %d rows are marked test", len(s.test))
			return s, s.checkLeak(groups)
		}
	}
	if o.testFraction == 0 {
		return sides{}, nil
	}
	train, test, err := head.Split(all.labels, groups, o.testFraction, o.seed)
	if err != nil && o.nearDuplicates > 0 {
		err = fmt.Errorf("%w; if pictures that are alike are no duplicates here, raise --near-duplicates (0: only equal files)", err)
	}
	return sides{train, test}, err
}

// checkLeak warns of pictures on both sides of a given split.
func (s sides) checkLeak(groups []string) error {
	if len(s.train) == 0 {
		return fmt.Errorf("all rows are marked test: there is nothing to train on")
	}
	trained := map[string]bool{}
	for _, i := range s.train {
		trained[groups[i]] = true
	}
	copies := 0
	for _, i := range s.test {
		if trained[groups[i]] {
			copies++
		}
	}
	if copies > 0 {
		logrus.Warnf("%d of the test pictures are copies or near duplicates of training pictures: the accuracy on them flatters", copies)
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
