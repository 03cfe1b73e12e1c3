package finetuning

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fovea/featurestore"
	"fovea/head"
	"fovea/internal/text"
	"fovea/recipe"
	"fovea/report"
)

// ReportOptions say what a report shows of a head.
type ReportOptions struct {
	Head *head.Head
	// Source is the dataset: the head is measured on its images that it was not trained on.
	Source Source
	// Out is the directory that the page and its plots are written to, "" for none.
	Out string
	// Images is the directory that the dataset was extracted from, "" for no thumbnails.
	Images string
	// Mistakes is the number of wrongly classified images to show, at most, Examples that of images of each cell of the
	// confusion matrix.
	Mistakes, Examples int
	// Repeats is the number of heads trained for each point of the learning curve, 0 for no curve.
	Repeats int
	// IgnoreUnknown is EvaluateOptions.IgnoreUnknown.
	IgnoreUnknown bool
}

// ReportResult is a report and the files that it was written to.
type ReportResult struct {
	Data  report.Data
	Files []string
	// Unknown is Evaluation.Unknown.
	Unknown []head.ClassCount
}

// Report measures a head on the images of a dataset that it was not trained on, and trains more heads
// for a learning curve. If the options name a directory, the page is written there.
func Report(ctx context.Context, o ReportOptions) (*ReportResult, error) {
	f, unknown, err := loadFor(ctx, o.Head, o.Source, o.IgnoreUnknown)
	if err != nil {
		return nil, err
	}
	seen, unseen := f.Seen(o.Head)
	if len(unseen) == 0 {
		return nil, allSeen(o.Source, len(seen))
	}
	test, err := f.Choose(unseen)
	if err != nil {
		return nil, err
	}
	if o.Out != "" {
		if err := os.MkdirAll(o.Out, 0o755); err != nil { // before the learning curve, which takes long
			return nil, fmt.Errorf("make the directory for the report: %w", err)
		}
	}
	data, err := o.measured(test)
	if err != nil {
		return nil, err
	}
	if data.Learning, err = learningCurve(ctx, o.Head, f, seen, unseen, o.Repeats); err != nil {
		return nil, err
	}
	if len(unknown) > 0 {
		data.Facts = append(data.Facts, report.Fact{Name: "not measured", Value: DescribeUnknown(unknown)})
	}
	r := &ReportResult{Data: data, Unknown: unknown}
	if o.Out != "" {
		r.Files, err = report.Write(o.Out, data)
	}
	return r, err
}

// measured is all of the report but the learning curve.
func (o *ReportOptions) measured(test Features) (report.Data, error) {
	h := o.Head
	data := report.Data{
		Title: "Classifier of " + text.Some(h.Classes), Training: h.Notes.Report,
		Facts: facts(h, o.Source.name(), test), Settings: settingsShown(h),
	}
	probabilities, err := test.probabilities(h)
	if err != nil {
		return data, err
	}
	if data.Metrics, err = head.Evaluate(probabilities, test.Labels, h.Classes); err != nil {
		return data, err
	}
	var drawn []int
	drawn, data.ROCNote = curves(data.Metrics)
	for _, c := range drawn {
		data.ROC = append(data.ROC, report.Curve{Class: c, Points: head.ROC(probabilities, test.Labels, h.Classes, c)})
	}
	data.Mistakes = o.mistakes(test, probabilities)
	data.Examples = o.examples(test, probabilities, data.Metrics)
	return data, nil
}

// curves are the classes whose ROC curves are drawn, by name: those that are told from the rest worst, if there are more
// than a plot can show. Of two classes, the curve of the second says all.
func curves(m head.Metrics) (classes []int, note string) {
	for c, metrics := range m.PerClass {
		if metrics.ROCAUC != nil && (c > 0 || len(m.Classes) > 2) {
			classes = append(classes, c)
		}
	}
	if len(classes) > report.MostCurves {
		note = fmt.Sprintf("Of the %d classes with test images, the %d with the smallest areas under their curves are drawn.", len(classes), report.MostCurves)
		slices.SortStableFunc(classes, func(a, b int) int { return cmp.Compare(*m.PerClass[a].ROCAUC, *m.PerClass[b].ROCAUC) })
		classes = classes[:report.MostCurves]
		slices.Sort(classes)
	}
	return classes, note
}

// mistakes are the images taken for another class, the most certain first.
func (o *ReportOptions) mistakes(f Features, probabilities [][]float64) []report.Mistake {
	var all []report.Mistake
	for i, p := range probabilities {
		if taken := o.Head.Predict(p); taken != f.Labels[i] {
			all = append(all, report.Mistake{Path: f.Paths[i], Truth: f.Labels[i], Taken: taken, Probability: slices.Max(p)})
		}
	}
	slices.SortStableFunc(all, func(a, b report.Mistake) int { return cmp.Compare(b.Probability, a.Probability) })
	all = all[:min(o.Mistakes, len(all))]
	for i := range all {
		if o.Images != "" {
			all[i].Thumbnail = thumbnailOrWarning(filepath.Join(o.Images, filepath.FromSlash(all[i].Path)), o.Head.Recipe.Resize)
		}
		all[i].Path = featurestore.EscapeText(all[i].Path)
	}
	return all
}

// facts say what the head is and what it was measured on.
func facts(h *head.Head, dir string, test Features) []report.Fact {
	parts := h.Recipe.Parts()
	copies := fmt.Sprintf("%d equal, %d near duplicates", h.Notes.Copies, h.Notes.NearCopies)
	if len(h.Notes.Crowded) > 0 {
		copies += "; most images of " + text.Some(h.Notes.Crowded) + " are alike, so that the metrics may be too optimistic about them"
	}
	all := []report.Fact{{Name: "classes", Value: text.Some(h.Classes)}}
	for _, r := range parts {
		layers := slices.DeleteFunc(slices.Clone(h.Layers), func(l recipe.Layer) bool { _, found := r.Layer(l.Name); return len(parts) > 1 && !found })
		values, in := 0, ""
		for _, l := range layers {
			values += l.Size()
		}
		if len(parts) > 1 {
			in = " of " + r.Model
		}
		all = append(all,
			report.Fact{Name: "features" + in, Value: fmt.Sprintf("%s of %s, %s (pooling %s)", LayerNames(layers), r.Model, text.Plural(values, "value"), r.Pool)},
			report.Fact{Name: "model input" + in, Value: fmt.Sprintf("%dx%d, %s, %s, %s", r.InputWidth, r.InputHeight, r.Resize, r.Interpolation, r.Preprocessing)},
			report.Fact{Name: "computed by" + in, Value: r.Library + ", " + r.Arithmetic()})
	}
	return append(all,
		report.Fact{Name: "trained on", Value: text.Plural(h.Notes.TrainedOn, "image")},
		report.Fact{Name: "measured on", Value: fmt.Sprintf("%s of the dataset %s that it was not trained on", text.Plural(len(test.Labels), "image"), filepath.Base(dir))},
		report.Fact{Name: "copies in the dataset", Value: copies},
	)
}

// settingsShown say how the head was trained.
func settingsShown(h *head.Head) []report.Fact {
	var all []report.Fact
	for _, name := range slices.Sorted(maps.Keys(h.Notes.Settings)) {
		if name == "lambda" && h.Notes.Settings[name] == "0" || name == "l1-ratio" && h.Notes.Settings["penalty"] != ElasticNet {
			continue // they say nothing
		}
		all = append(all, report.Fact{Name: "--" + name, Value: h.Notes.Settings[name]})
	}
	if chosen := DescribeChoice(h.Notes.Report); chosen != "" {
		all = append(all, report.Fact{Name: "model chosen", Value: chosen})
	} else if h.Notes.Report.Lambda > 0 {
		all = append(all, report.Fact{Name: "lambda chosen", Value: strconv.FormatFloat(h.Notes.Report.Lambda, 'g', -1, 64)})
	}
	if h.Notes.Report.Columns > 0 {
		all = append(all, report.Fact{Name: "columns", Value: DescribeColumns(h)})
	}
	if h.Notes.Report.Temperature > 0 {
		all = append(all, report.Fact{Name: "temperature", Value: fmt.Sprintf("%.3f", h.Notes.Report.Temperature)})
	}
	return append(all, report.Fact{Name: "version", Value: h.Notes.ToolVersion})
}

// largestColumns is the number of columns that DescribeColumns names.
const largestColumns = 5

// DescribeColumns says how many values of each layer have a weight, and which have the largest, for
// heads trained with a penalty that leaves values out.
func DescribeColumns(h *head.Head) string {
	counts := map[string]int{}
	var first, parts []string
	for i, column := range h.UsedColumns() {
		layer, within := columnOf(h.Layers, column)
		counts[layer.Name]++
		if i < largestColumns {
			first = append(first, fmt.Sprintf("%s[%d]", layer.Name, within))
		}
	}
	for _, l := range h.Layers {
		parts = append(parts, fmt.Sprintf("%d of %d of %s", counts[l.Name], l.Size(), l.Name))
	}
	return strings.Join(parts, ", ") + " have a weight; the largest: " + strings.Join(first, ", ")
}
