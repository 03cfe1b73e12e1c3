package finetuning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/text"
	"fovea/vectors"
)

// Duplicates are the copies and near duplicates among images, which no split separates.
type Duplicates struct {
	head.Duplicates
	// Crowded are the classes whose near duplicates were not kept together, because most of their images would be some.
	Crowded []string
}

// Group finds copies and near duplicates among the images. What holds for more than half of a class does not make its
// images duplicates: of such classes, only equal files are kept together, unless NearDuplicates was set by the user.
func (o *TrainOptions) Group(ctx context.Context, all Features) (Duplicates, error) {
	found, err := head.FindDuplicates(ctx, all.X, all.Hashes, o.NearDuplicates)
	if errors.Is(err, vectors.ErrTooMany) {
		err = fmt.Errorf("%w, or --near-duplicates 0 to keep only identical files together", err)
	}
	if err != nil {
		return Duplicates{}, err
	}
	warnOfConflicts(all)
	d := Duplicates{Duplicates: found}
	if !o.OwnNear {
		d.Crowded = crowded(all.Labels, found.Groups)
	}
	if len(d.Crowded) > 0 && found.Alike > 0 {
		logrus.Warnf("more than half of the images of %s have features of cosine %g or more with others, too many to be near duplicates: of these classes, only identical files are kept together, and the test may be too optimistic about them; set --near-duplicates to change that", text.Some(d.Crowded), o.NearDuplicates)
		d.Duplicates = head.Join(all.Hashes, slices.DeleteFunc(found.Pairs, func(p vectors.Pair) bool {
			return slices.Contains(d.Crowded, all.Labels[p.A]) || slices.Contains(d.Crowded, all.Labels[p.B])
		}))
	}
	if d.Equal+d.Alike > 0 {
		are := "images are copies"
		if d.Equal == 1 {
			are = "image is a copy"
		}
		logrus.Infof("%d %s of others, %d more are near duplicates (cosine %g or more); no split separates them", d.Equal, are, d.Alike, o.NearDuplicates)
	}
	for _, p := range d.Pairs {
		logrus.Debugf("near duplicates, cosine %.4f: %s and %s", p.Similarity, all.Paths[p.A], all.Paths[p.B])
	}
	return d, nil
}

// warnOfConflicts names equal files with different labels, of which at most one can be right.
func warnOfConflicts(all Features) {
	first, conflicts := map[string]int{}, []string(nil)
	for i, hash := range all.Hashes {
		f, found := first[hash]
		if !found {
			first[hash] = i
		} else if all.Labels[f] != all.Labels[i] {
			conflicts = append(conflicts, fmt.Sprintf("%s (%s) and %s (%s)", all.Paths[f], all.Labels[f], all.Paths[i], all.Labels[i]))
		}
	}
	if len(conflicts) == 0 {
		return
	}
	const most = 5
	more := ""
	if len(conflicts) > most {
		more = fmt.Sprintf("; %d more", len(conflicts)-most)
	}
	logrus.Warnf("equal files with different labels: %s%s", strings.Join(conflicts[:min(most, len(conflicts))], "; "), more)
}

// crowded are the classes more than half of whose rows share a group with others of the class.
func crowded(labels, groups []string) []string {
	rows, distinct, seen := map[string]int{}, map[string]int{}, map[[2]string]bool{}
	for i, l := range labels {
		rows[l]++
		if key := [2]string{l, groups[i]}; !seen[key] {
			seen[key] = true
			distinct[l]++
		}
	}
	var all []string
	for _, l := range slices.Sorted(maps.Keys(rows)) {
		if 2*distinct[l] < rows[l] {
			all = append(all, l)
		}
	}
	return all
}
