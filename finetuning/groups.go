package finetuning

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/text"
)

// joinGroups joins the groups of rows that have a value in common; rows whose value is "" have none. Groups keep the name
// of that which comes first.
func joinGroups(groups, values []string) []string {
	rank := map[string]int{}
	for i, g := range groups {
		if _, found := rank[g]; !found {
			rank[g] = i
		}
	}
	parent := map[string]string{}
	root := func(g string) string {
		for parent[g] != "" {
			g = parent[g]
		}
		return g
	}
	first := map[string]string{} // a group of each value
	for i, value := range values {
		if value == "" {
			continue
		}
		a, b := root(groups[i]), first[value]
		if b == "" {
			first[value] = a
			continue
		}
		if b = root(b); rank[a] < rank[b] {
			a, b = b, a
		}
		if a != b {
			parent[a] = b
		}
	}
	if len(parent) == 0 {
		return groups
	}
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = root(g)
	}
	return out
}

// distinct counts the values but "", and the rows without one.
func distinct(values []string) (different, without int) {
	seen := map[string]bool{}
	for _, v := range values {
		if v == "" {
			without++
		}
		seen[v] = true
	}
	delete(seen, "")
	return len(seen), without
}

// noteGroups says what the groups of a dataset, or of images, mean to splits.
func noteGroups(groups []string) {
	n, without := distinct(groups)
	if n == 0 {
		return
	}
	logrus.Infof("splits keep the images of %s together", text.Plural(n, "group"))
	if without > 0 {
		logrus.Warnf("%s of %d without a group: each stands by itself in every split", text.Plural(without, "image"), len(groups))
	}
}

// warnOfDivided names groups that a given split divides, of which the test knows a part from the training.
func (s Split) warnOfDivided(groups []string) {
	if groups == nil {
		return
	}
	trained := map[string]bool{}
	for _, i := range s.Train {
		trained[groups[i]] = groups[i] != ""
	}
	rows, divided := 0, map[string]bool{}
	for _, i := range s.Test {
		if trained[groups[i]] {
			rows++
			divided[groups[i]] = true
		}
	}
	if rows == 0 {
		return
	}
	var names []string
	for g := range divided {
		names = append(names, strconv.Quote(featurestore.EscapeText(g)))
	}
	slices.Sort(names)
	logrus.Warnf("%d of the test images are of groups that are also trained on (%s): the test accuracy is too optimistic; --test-fraction divides the rows anew, by groups", rows, text.Some(names))
}

// groupsTrained finds, among rows that a head has not seen, those of groups of which it has seen others.
func groupsTrained(groups []string, seen, unseen []int) (known, unknown []int) {
	if groups == nil {
		return nil, unseen
	}
	trained := map[string]bool{}
	for _, i := range seen {
		trained[groups[i]] = groups[i] != ""
	}
	for _, i := range unseen {
		if trained[groups[i]] {
			known = append(known, i)
		} else {
			unknown = append(unknown, i)
		}
	}
	return known, unknown
}

// ofGroups explains an error of a split by what it has to keep together, if that is why.
func ofGroups(err error, groups []string) error {
	if !errors.Is(err, head.ErrTogether) && !errors.Is(err, head.ErrAlike) {
		return err
	}
	if n, _ := distinct(groups); n > 0 {
		return fmt.Errorf("%w; no split separates the images of a group, and these are of %s", err, text.Plural(n, "group"))
	}
	return err
}
