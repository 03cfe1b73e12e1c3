package inputs

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/pipeline"
)

// TellDoubts warns about labels that are probably mistakes.
func TellDoubts(listing pipeline.Listing) {
	for _, doubt := range listing.Doubts {
		logrus.Warn(doubt)
	}
}

// TellOthers warns about images in formats that are not read, so that nobody thinks they were.
func TellOthers(others pipeline.Others) {
	for _, f := range others.Foreign {
		logrus.WithFields(logrus.Fields{"format": f.Format, "files": f.Files, "first": f.First}).
			Warnf("%d images are not read because they are %s: %s", f.Files, f.Format, f.Remedy)
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
	return fmt.Sprintf("%d images were skipped because their formats are not read: %s", total, strings.Join(kinds, ", "))
}
