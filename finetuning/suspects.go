package finetuning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/text"
)

// SuspectsOptions say which labels are doubted and how. Only Source must be set.
type SuspectsOptions struct {
	// Source is the dataset, Layers are those of its layers to use; none means its only layer.
	Source Source
	Layers []string
	// Seed determines the folds.
	Seed uint64
	// NearDuplicates is the cosine from which images are kept in one fold, 0 to keep only equal files
	// together. OwnNear applies it even to classes most of whose images are near duplicates.
	NearDuplicates float64
	OwnNear        bool
	// Progress, if set, is called during the cross-validation.
	Progress func(done, of int)
}

// Suspect is an image and what models that were not trained on it make of its label.
type Suspect struct {
	// Rank is 1 for the label that is most probably wrong.
	Rank int    `json:"rank"`
	Path string `json:"path"`
	// Label is the image's own, Suggested the most probable other one. Split is the dataset's, "" for none.
	Label     string `json:"label"`
	Suggested string `json:"suggested"`
	Split     string `json:"split,omitempty"`
	// Likely says that the label is probably wrong: the suggestion is better supported, and as many labels
	// as this one's rank are estimated to be wrong.
	Likely bool `json:"likely"`
	// SelfConfidence is the probability of the label, SuggestedProbability that of the suggestion.
	SelfConfidence       float64 `json:"self_confidence"`
	SuggestedProbability float64 `json:"suggested_probability"`
	// Neighbours is the share of the most similar images that have the label.
	Neighbours float64 `json:"neighbours"`
	// Margin is what the ranking is by (testdata/head/choose_ranking.py compares it with others): the logarithm of how
	// much more the label is supported than the suggestion, by the model and the neighbours together; negative if it is
	// less.
	Margin float64 `json:"margin"`
}

// Suspects are the images of a dataset by how probable it is that their labels are wrong.
type Suspects struct {
	Classes []string `json:"classes"`
	// Images is the number of images with labels, Untested that of those whose class has nothing else to learn it from.
	Images   int `json:"images"`
	Untested int `json:"untested"`
	// EstimatedErrors is about how many labels are wrong: the sum of Joint[i][j], the number of
	// images labelled i that are of class j, where i and j are different.
	EstimatedErrors float64     `json:"estimated_errors"`
	Joint           [][]float64 `json:"joint"`
	// Thresholds are the mean probabilities of the classes over the images with their labels, from
	// which on images are confidently of a class.
	Thresholds []float64 `json:"thresholds"`
	// Likely is the number of images whose label is probably wrong.
	Likely int `json:"likely"`
	// Dropped is the number of images left out when the probabilities were refined.
	Dropped int `json:"left_out"`
	// Training is how the strength of the regularization was chosen.
	Training head.Report `json:"training"`
	// Suspects are all tested images, the most suspicious first.
	Suspects []Suspect `json:"suspects"`

	resize string // of the model's input, for thumbnails
}

// FindSuspects finds labels that are probably wrong: each image is judged by models that were not trained on it, nor on
// its near duplicates, and by its neighbours. Invalid layers are ErrLayers.
func FindSuspects(ctx context.Context, o SuspectsOptions) (*Suspects, error) {
	f, err := o.Source.Load(ctx, o.Layers...)
	if err != nil {
		return nil, err
	}
	defer f.Free()
	s, _, err := o.find(ctx, f)
	return s, err
}

// find also returns the probabilities.
func (o *SuspectsOptions) find(ctx context.Context, f Features) (*Suspects, *head.OutOfFold, error) {
	if err := twoClasses(f.Labels, "wrong labels are found by what tells classes apart"); err != nil {
		return nil, nil, err
	}
	train := TrainOptions{NearDuplicates: o.NearDuplicates, OwnNear: o.OwnNear}
	duplicates, err := train.Group(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	logrus.Infof("testing the labels of %s, %s each (%s)", text.Plural(f.X.Rows, "image"), text.Plural(f.X.Cols, "value"), LayerNames(f.Layers))
	out, err := head.OutOfFoldProbabilities(ctx, f.X, f.Labels, head.OutOfFoldOptions{TrainOptions: head.TrainOptions{
		Seed: o.Seed, Scaling: head.ScaleUnit, Groups: duplicates.Together, Progress: o.Progress,
	}})
	if errors.Is(err, head.ErrAlike) {
		err = fmt.Errorf("%w; --near-duplicates 0 keeps only identical files together", err)
	}
	if err != nil {
		return nil, nil, ofGroups(err, f.Groups)
	}
	s, err := suspects(f, out)
	return s, out, err
}

// twoClasses refuses labels that are all the same.
func twoClasses(labels []string, why string) error {
	for _, l := range labels {
		if l != labels[0] {
			return nil
		}
	}
	return fmt.Errorf("all %d images have the label %q: %s, so it takes two labels at least", len(labels), labels[0], why)
}

// suspects ranks the rows.
func suspects(f Features, out *head.OutOfFold) (*Suspects, error) {
	joint, err := head.EstimateJoint(out.Refined, out.Y, len(out.Classes))
	if err != nil {
		return nil, err
	}
	s := &Suspects{
		Classes: out.Classes, Images: len(out.Y), Untested: len(out.Untested), EstimatedErrors: joint.Errors(), Joint: joint.Joint,
		Thresholds: joint.Thresholds, Dropped: out.Dropped, Training: out.Report, resize: f.Recipe.Resize,
	}
	for c, t := range s.Thresholds {
		if math.IsInf(t, 0) { // which JSON cannot hold
			s.Thresholds[c] = 1
		}
	}
	warnOfUnjudged(out)
	for i, scores := range out.Scores() {
		if scores == nil {
			continue
		}
		own := out.Y[i]
		other := bestOther(scores, own)
		margin := scores[own] - scores[other]
		s.Suspects = append(s.Suspects, Suspect{
			Path: featurestore.EscapeText(f.Paths[i]), Label: out.Classes[own], Suggested: out.Classes[other], Split: featurestore.EscapeText(f.Splits[i]),
			SelfConfidence: out.Refined[i][own], SuggestedProbability: out.Refined[i][other], Neighbours: out.Votes[i][own], Margin: margin,
		})
	}
	slices.SortStableFunc(s.Suspects, func(a, b Suspect) int { return cmp.Compare(a.Margin, b.Margin) })
	for i := range s.Suspects {
		s.Suspects[i].Rank = i + 1
		if float64(i) < math.Round(s.EstimatedErrors) && s.Suspects[i].Margin < 0 {
			s.Suspects[i].Likely = true
			s.Likely++
		}
	}
	return s, nil
}

// bestOther is the class with the highest score but one's own.
func bestOther(scores []float64, own int) int {
	best := -1
	for c, v := range scores {
		if c != own && (best < 0 || v > scores[best]) {
			best = c
		}
	}
	return best
}

// warnOfUnjudged names the classes of images that could not be tested.
func warnOfUnjudged(out *head.OutOfFold) {
	var classes []string
	for _, i := range out.Untested {
		classes = append(classes, out.Classes[out.Y[i]])
	}
	slices.Sort(classes)
	if classes = slices.Compact(classes); len(classes) > 0 {
		verb := "are"
		if len(out.Untested) == 1 {
			verb = "is"
		}
		logrus.Warnf("%s %s not tested: there is no other image to learn the class from, for %s; a label that was misspelled looks like this", text.Plural(len(out.Untested), "image"), verb, text.Some(classes))
	}
}

// Largest are the kinds of mistakes that are estimated to be most frequent.
func (s *Suspects) Largest(most int) []Mistaken {
	var all []Mistaken
	for i, row := range s.Joint {
		for j, n := range row {
			if i != j && n >= 0.5 {
				all = append(all, Mistaken{s.Classes[i], s.Classes[j], n})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Mistaken) int {
		return cmp.Or(cmp.Compare(b.Images, a.Images), strings.Compare(a.Label, b.Label))
	})
	return all[:min(most, len(all))]
}

// Mistaken is the estimated number of images with a label that are of another class.
type Mistaken struct {
	Label, Class string
	Images       float64
}
