package inputs

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/pipeline"
)

// TellDoubts warns of labels that are probably not what is meant.
func TellDoubts(listing pipeline.Listing) {
	for _, doubt := range listing.Doubts {
		logrus.Warn(doubt)
	}
}

// TellOthers warns of pictures of kinds that are not read, so that nobody takes them for done.
func TellOthers(others pipeline.Others) {
	for _, f := range others.Foreign {
		logrus.WithFields(logrus.Fields{"format": f.Format, "files": f.Files, "first": f.First}).
			Warnf("%d images are not read, being %s: %s", f.Files, f.Format, f.Remedy)
	}
}

// Foreign counts those pictures in a few words, and is empty where there are none.
func Foreign(others pipeline.Others) string {
	total, kinds := 0, make([]string, 0, len(others.Foreign))
	for _, f := range others.Foreign {
		total += f.Files
		kinds = append(kinds, fmt.Sprintf("%d of %s", f.Files, f.Format))
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%d images were passed over, whose kinds are not read: %s", total, strings.Join(kinds, ", "))
}
