package extraction

import (
	"fmt"
	"time"

	"fovea/featurestore"
	"fovea/pipeline"
)

// Result says what a run has done.
type Result struct {
	// Dataset names the dataset in messages: Options.Out, without a URL's parameters. Dir is the directory that
	// was written to, the same or one in Options.Staging; it is empty before the output is begun.
	Dataset, Dir string
	// Begun says that the dataset in Dir was begun, or taken over from an earlier run. With Options.Overwrite, the one
	// before it is gone then.
	Begun bool
	// Rows and Failures are those of the dataset, earlier runs' included. Present is the number of rows that
	// earlier runs have made.
	Rows, Failures, Present int
	// Relabelled is the number of rows of earlier runs that were given other labels or splits.
	Relabelled int
	// Saved says that the dataset was closed and, to a URL, uploaded; else Rows, Failures and Status are zero.
	// Status is that of the dataset: complete, or interrupted where the run is to be resumed.
	Saved  bool
	Status featurestore.Status
	// StartUp is the time until the images were listed and the model was open.
	StartUp time.Duration
	// Stats count this run's images and times, per stage. They are zero where there was nothing to do.
	Stats pipeline.Stats
	// Plan is what a run with Options.Sync has done to a dataset that was there, or would have done; otherwise nil.
	Plan *Plan
	// Foreign counts images in unsupported formats, and other files.
	Foreign pipeline.Others
}

// Images is the number of images that this run has dealt with, failures included.
func (r Result) Images() int { return r.Stats.Rows + r.Stats.Failures }

// Kept looks into Dir for what is kept there after a run that ended with an error, by this run and by earlier ones:
// whether there is a dataset, and its rows, -1 if it cannot be read.
func (r Result) Kept() (rows int, there bool) {
	if there, err := featurestore.HasDataset(r.Dir); err == nil && !there {
		return 0, false
	}
	dataset, err := featurestore.Open(r.Dir)
	if err != nil {
		return -1, true
	}
	return dataset.Rows(), true
}

// FailureRate is the share, 0 to 1, of the dataset's images that could not be read.
func (r Result) FailureRate() float64 {
	if r.Failures == 0 {
		return 0
	}
	return float64(r.Failures) / float64(r.Failures+r.Rows)
}

// CheckFailureRate is an error if more than the share most, 0 to 1, could not be read.
func (r Result) CheckFailureRate(most float64) error {
	if rate := r.FailureRate(); rate > most {
		return fmt.Errorf("%d of %d images could not be read, a share of %.3g, more than the %g allowed", r.Failures, r.Failures+r.Rows, rate, most)
	}
	return nil
}
