package finetuning

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/featurestore/remote"
	"fovea/head"
	"fovea/internal/text"
	"fovea/vectors"
)

// AuditOptions say what is audited. Only Source must be set.
type AuditOptions struct {
	// Source is the dataset, Layers are those of its layers to use; none means its only layer.
	Source Source
	Layers []string
	// Images is the directory that the dataset was extracted from, "" for no look at exposures.
	Images string
	// NearDuplicates is the cosine from which images are near duplicates, 0 for none but equal files.
	NearDuplicates float64
	// OwnNear means that it is the user's; otherwise it becomes what suits the layers, at least.
	OwnNear bool
	// Neighbours is how many of the most similar images an image is compared with (default 10).
	Neighbours int
}

// Kinds of findings, the most urgent first.
const (
	FoundConflicts      = "conflicting-copies"
	FoundNearConflicts  = "conflicting-near-duplicates"
	FoundLeaks          = "leaks"
	FoundAlone          = "other-neighbours"
	FoundIdentical      = "identical-features"
	FoundUniform        = "uniform-classes"
	FoundAlikeClasses   = "alike-classes"
	FoundAlikeNames     = "alike-names"
	FoundTelltale       = "telltale-properties"
	FoundOutliers       = "outliers"
	FoundRareClasses    = "rare-classes"
	FoundConstantValues = "constant-values"
)

// Finding is one kind of trouble with a dataset.
type Finding struct {
	Kind string `json:"kind"`
	// What says in words what was found, Do what to do about it.
	What string `json:"what"`
	Do   string `json:"do"`
	// Count is how many there are, of what Unit is: groups, images, classes.
	Count int    `json:"count"`
	Unit  string `json:"unit"`
	// Details are sentences about classes or properties.
	Details []string `json:"details,omitempty"`
	// Rows are the images concerned, those of one group together.
	Rows []AuditRow `json:"rows,omitempty"`
}

// AuditRow is an image in a finding.
type AuditRow struct {
	// Group has the same number, from 1, for images that belong together; 0 where each is on its own.
	Group int    `json:"group,omitempty"`
	Path  string `json:"path"`
	Label string `json:"label"`
	Split string `json:"split,omitempty"`
	// Note says what is special, such as a cosine.
	Note string `json:"note,omitempty"`
	// Width and Height are the picture's in pixels.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
}

// Audit is what was found.
type Audit struct {
	Images  int      `json:"images"`
	Classes []string `json:"classes"`
	// Findings are the most urgent first. Passed are the kinds of which nothing was found, Skipped those that were not looked
	// for, with the reason.
	Findings []Finding         `json:"findings"`
	Passed   []string          `json:"passed"`
	Skipped  map[string]string `json:"skipped,omitempty"`

	resize string
}

// audit is the work on an Audit.
type audit struct {
	o          AuditOptions
	f          Features
	sizes      [][2]int // width and height in pixels
	classes    []string
	y          []int
	members    [][]int // rows of each class
	duplicates head.Duplicates
	neighbours *head.Neighbours
	similar    []float64 // of each image to its neighbours
	skipped    map[string]string
}

// RunAudit looks for what makes a dataset worse than it could be. It changes nothing. Invalid layers are ErrLayers.
func RunAudit(ctx context.Context, o AuditOptions) (*Audit, error) {
	a := &audit{o: o, skipped: map[string]string{}}
	if err := a.load(ctx); err != nil {
		return nil, err
	}
	defer a.f.Free()
	if err := twoClasses(a.f.Labels, "an audit compares what different labels have"); err != nil {
		return nil, err
	}
	if err := a.compare(ctx); err != nil {
		return nil, err
	}
	exposures, err := a.exposures(ctx)
	if err != nil {
		return nil, err
	}
	result := &Audit{Images: len(a.y), Classes: a.classes, Findings: []Finding{}, Passed: []string{}, resize: a.f.Recipe.Resize}
	for _, check := range []struct {
		kind string
		run  func() *Finding
	}{
		{FoundConflicts, a.conflicts}, {FoundNearConflicts, a.nearConflicts}, {FoundLeaks, a.leaks}, {FoundAlone, a.alone},
		{FoundIdentical, a.identical}, {FoundUniform, a.uniform}, {FoundAlikeClasses, a.alikeClasses}, {FoundAlikeNames, a.alikeNames},
		{FoundTelltale, func() *Finding { return a.telltale(exposures) }}, {FoundOutliers, a.outliers}, {FoundRareClasses, a.rare},
		{FoundConstantValues, a.constant},
	} {
		found := check.run()
		_, skipped := a.skipped[check.kind]
		switch {
		case found != nil && found.Count > 0:
			found.Kind = check.kind
			result.Findings = append(result.Findings, *found)
		case !skipped:
			result.Passed = append(result.Passed, check.kind)
		}
	}
	result.Skipped = a.skipped
	return result, nil
}

// load reads the features and the sizes of the images, of one state of the dataset.
func (a *audit) load(ctx context.Context) error {
	local, done, err := a.o.Source.Fetch(ctx)
	if err != nil {
		return err
	}
	defer done()
	if a.f, err = local.Load(ctx, a.o.Layers...); err != nil {
		return remote.Located(err, local.Dir, a.o.Source.Dir)
	}
	sizes, err := local.imageSizes(ctx)
	if err != nil {
		return remote.Located(err, local.Dir, a.o.Source.Dir)
	}
	for _, path := range a.f.Paths {
		size, found := sizes[path]
		if !found {
			return fmt.Errorf("%s: %s is no longer there: the dataset changed while it was read: run the command again", a.o.Source.name(), path)
		}
		a.sizes = append(a.sizes, size)
	}
	return nil
}

// imageSizes are the widths and heights of a dataset's images by path.
func (s Source) imageSizes(ctx context.Context) (map[string][2]int, error) {
	dataset, err := s.open()
	if err != nil {
		return nil, err
	}
	sizes := map[string][2]int{}
	err = dataset.Scan(ctx, featurestore.ScanOptions{Layers: []string{}}, func(b *featurestore.Batch) error {
		for _, r := range b.Rows {
			sizes[r.Path] = [2]int{int(r.Width), int(r.Height)}
		}
		return nil
	})
	return sizes, err
}

// compare finds classes, duplicates and neighbours.
func (a *audit) compare(ctx context.Context) error {
	a.classes = slices.Clone(a.f.Labels)
	slices.Sort(a.classes)
	a.classes = slices.Compact(a.classes)
	a.members = make([][]int, len(a.classes))
	for i, l := range a.f.Labels {
		c, _ := slices.BinarySearch(a.classes, l)
		a.y = append(a.y, c)
		a.members[c] = append(a.members[c], i)
	}
	logrus.Infof("auditing %s, %s each (%s)", text.Plural(a.f.X.Rows, "image"), text.Plural(a.f.X.Cols, "value"), LayerNames(a.f.Layers))
	var err error
	a.duplicates, err = a.f.findDuplicates(ctx, &a.o.NearDuplicates, a.o.OwnNear)
	if errors.Is(err, vectors.ErrTooMany) {
		err = fmt.Errorf("%w, or --near-duplicates 0 to compare files alone", err)
	}
	if err != nil {
		return err
	}
	if marked, _, err := markedSplit(a.f.Splits); err == nil { // other marks are a finding
		marked.warnOfDivided(a.f.Groups)
	}
	k := a.o.Neighbours
	if k < 1 {
		k = 10
	}
	a.neighbours, err = head.FindNeighbours(ctx, a.f.X, k, a.duplicates.Groups)
	if errors.Is(err, head.ErrConstant) { // a finding, not a fault
		for _, kind := range []string{FoundAlone, FoundAlikeClasses, FoundOutliers} {
			a.skipped[kind] = "all images have the same features"
		}
		a.neighbours = nil
		return nil
	}
	if err == nil {
		a.similar, err = head.Similarity(ctx, a.f.X, k, a.duplicates.Groups)
	}
	return err
}

// row describes an image.
func (a *audit) row(i, group int, note string) AuditRow {
	return AuditRow{Group: group, Path: featurestore.EscapeText(a.f.Paths[i]), Label: a.f.Labels[i], Split: featurestore.EscapeText(a.f.Splits[i]), Note: note, Width: a.sizes[i][0], Height: a.sizes[i][1]}
}
