package extraction

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/spelling"
	"fovea/internal/text"
)

// relabel gives the images of the dataset that is resumed the labels, splits and groups that they have now, because of
// which Create has refused it. Without a source of labels, only groups may have changed.
func (r *run) relabel(ctx context.Context, to destination, refused error) error {
	images, err := imagesOf(ctx, to.dir, r.MaxMemory)
	if err != nil {
		return err
	}
	listed, splits, lost := make(map[string]mark, len(r.listing.Items)), false, false
	for _, item := range r.listing.Items {
		listed[item.Path] = mark{item.Label, item.Split, item.Group}
		splits = splits || item.Split != ""
	}
	now, done := slices.Clone(images.marks), Relabelled{}
	for i, path := range images.paths {
		if mark, ok := listed[path]; ok {
			if r.GroupBy.ByPatient() || !r.GroupBy.Any() || i >= images.rows {
				mark.group = now[i].group
			}
			if r.Labels == nil && (mark.label != now[i].label || mark.split != now[i].split) {
				return refused
			}
			lost = lost || now[i].split != "" && mark.split == ""
			now[i] = mark
			delete(listed, path)
		}
	}
	if lost && !splits {
		return splitsLost(refused)
	}
	marks := images.compare(now, &done, 1)
	classes := images.classes(now)
	for _, follows := range listed {
		classes = addClass(classes, follows.label)
	}
	if len(classes) < 2 && len(images.classes(images.marks)) > 1 {
		return classesLost(r.result.Dataset, classes)
	}
	r.result.Relabelled = done.Changed
	logrus.Warn(done.sentence())
	return marks.apply(ctx, to.dir, done.Changed, r.MaxMemory)
}

// sentence says what a resumed run changes.
func (r Relabelled) sentence() string {
	shown := func(name string) string {
		if name == "" {
			return "none"
		}
		return strconv.Quote(name)
	}
	var parts []string
	for kind, renamings := range map[string][]Renaming{"label": r.Labels, "split": r.Splits, "group": r.groups} {
		for _, c := range renamings[:min(3, len(renamings))] {
			parts = append(parts, fmt.Sprintf("the %s %s became %s in %s", kind, shown(c.From), shown(c.To), text.Plural(c.Rows, "row")))
		}
		if more := len(renamings) - 3; more > 0 {
			parts = append(parts, fmt.Sprintf("%s of %ss", text.Plural(more, "other change"), kind))
		}
	}
	slices.Sort(parts)
	first := ""
	if len(r.Changes) > 0 {
		first = ", the first is " + spelling.Line(r.Changes[0].Path)
	}
	return fmt.Sprintf("%s and %s were given other labels, splits or groups since they were extracted%s: they are changed in the dataset (%s)",
		text.Plural(r.Changed, "row"), text.Plural(r.ChangedFailures, "failure"), first, strings.Join(parts, "; "))
}
