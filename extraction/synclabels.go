package extraction

import (
	"fmt"
	"slices"

	"fovea/featurestore"
	"fovea/pipeline"
)

// checkLabels refuses labels that would take the splits of all rows away, or leave fewer than two classes of rows that
// had more, as resuming does. Rows that go do not count: it is not because of the labels that theirs are lost.
func (p *Plan) checkLabels(dataset string, rows *featurestore.Table, items []pipeline.Item) error {
	splits := slices.ContainsFunc(items, func(item pipeline.Item) bool { return item.Split != "" })
	var classes []string
	for i := range items {
		classes = addClass(classes, items[i].Label)
	}
	if splits && len(classes) > 1 || len(items) == 0 {
		return nil
	}
	var before []string
	lost, listed := false, make(map[string]bool, len(items))
	for i := range items {
		listed[items[i].Path] = true
	}
	for i, fate := range p.rows {
		switch {
		case fate.item == stays:
			classes = addClass(classes, rows.Labels[i])
		case fate.item == goes && !listed[rows.Paths[i]]:
			continue
		default:
			lost = lost || rows.Splits[i] != ""
		}
		before = addClass(before, rows.Labels[i])
	}
	switch {
	case lost && !splits:
		return splitsLost(fmt.Errorf("extraction: the images of the dataset were %w", featurestore.ErrLabels))
	case len(classes) < 2 && len(before) > 1:
		return fmt.Errorf("extraction: %w", classesLost(dataset, classes))
	}
	return nil
}

// splitsLost refuses labels without splits, for a reason that is known to be one already.
func splitsLost(refused error) error {
	return fmt.Errorf("%w; these labels have no splits, and the dataset's would be lost", refused)
}

// classesLost refuses labels that would leave no more than these classes.
func classesLost(dataset string, classes []string) error {
	return fmt.Errorf("%w if the labels of %s became what they are now: %s", ErrFewClasses, dataset, named(classes))
}

// addClass adds a label to the classes. Only whether there are several matters.
func addClass(classes []string, label string) []string {
	if label == "" || len(classes) > 1 || slices.Contains(classes, label) {
		return classes
	}
	return append(classes, label)
}
