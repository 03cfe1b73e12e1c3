package inputs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/pipeline"
)

// WarnLabels warns about labels that are probably mistakes, and mentions labels that the listing could have
// taken: those in archives and tables, where no labels were requested.
func WarnLabels(listing pipeline.Listing, requested pipeline.Labeler) {
	for _, doubt := range listing.Doubts {
		logrus.Warn(doubt)
	}
	if listing.Labeled > 0 && requested == nil {
		logrus.Infof("%s in their archive or table: --labels dir uses these", text.Count(listing.Labeled, "image has a label", "images have labels"))
	}
}

// mostLabels is how many labels TellLabels names.
const mostLabels = 8

// TellLabels logs how many images have which label, the most frequent ones first: what was meant otherwise is seen before
// anything is computed.
func TellLabels(items []pipeline.Item) {
	images, without := map[string]int{}, 0
	for i := range items {
		if label := items[i].Label; label != "" {
			images[label]++
		} else {
			without++
		}
	}
	if len(images) == 0 {
		return
	}
	labels := slices.SortedFunc(maps.Keys(images), func(a, b string) int {
		return cmp.Or(cmp.Compare(images[b], images[a]), cmp.Compare(a, b))
	})
	var said []string
	for _, label := range labels[:min(len(labels), mostLabels)] {
		said = append(said, fmt.Sprintf("%s (%d)", spelling.Name(spelling.Spell(label)), images[label]))
	}
	if more := len(labels) - mostLabels; more > 0 {
		said = append(said, fmt.Sprintf("%d more", more))
	}
	if without > 0 {
		said = append(said, fmt.Sprintf("none (%d)", without))
	}
	logrus.Infof("%s: %s", text.Plural(len(labels), "label"), strings.Join(said, ", "))
}

// WarnFailure logs an image that cannot be read, and why.
func WarnFailure(f pipeline.Failure) {
	logrus.WithFields(logrus.Fields{"path": spelling.Spell(f.Path), "stage": f.Stage}).Warn(spelling.Spell(f.Reason))
}

// WarnForeign warns about images in formats that are not read, so that nobody thinks they were.
func WarnForeign(others pipeline.Others) {
	for _, f := range others.Foreign {
		logrus.WithFields(logrus.Fields{"format": f.Format, "files": f.Files, "first": f.First}).
			Warnf("%s %s: %s", text.Count(f.Files, "image is not read because it is", "images are not read because they are"), f.Format, f.Remedy)
	}
}

// Foreign counts those images in one sentence, which is empty if there are none.
func Foreign(others pipeline.Others) string {
	total, kinds := 0, make([]string, 0, len(others.Foreign))
	for _, f := range others.Foreign {
		total += f.Files
		kinds = append(kinds, fmt.Sprintf("%d of %s", f.Files, f.Format))
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%s not read: %s", text.Count(total, "image was skipped because its format is", "images were skipped because their formats are"), strings.Join(kinds, ", "))
}
