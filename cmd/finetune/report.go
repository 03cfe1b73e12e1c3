package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"fovea/app/cli"
	"fovea/featurestore"
	"fovea/finetuning"
	"fovea/head"
	"fovea/picture"
	"fovea/report"
)

type reportOptions struct {
	head, out string
	features  featureSource
	images    string
	mistakes  int
	repeats   int
}

func newReport() *cobra.Command {
	var o reportOptions
	command := &cobra.Command{
		Use:   "report --head HEAD --features DIR --out DIR [flags]",
		Short: "Write a page with plots about a head",
		Long: `Report measures a head on the images of a dataset that it was not trained on and writes
report.html, a page that needs no other file, and its plots as PNG images: metrics,
confusion matrix, ROC and calibration curves, how accuracy grows with the number of training
images, and the images that were most surely taken for another class.

For the learning curve, heads are trained as the head was on parts of the images that it
was trained on, as far as they are in the dataset.`,
		Example: "  finetune report --head cats-vs-dogs.head --features features --images photos --out report",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := command.Flags()
	f.SortFlags = false
	cli.PathVar(f, &o.head, "head", "", "the head's `FILE` (required)")
	o.features.add(f)
	cli.PathVar(f, &o.out, "out", "", "the directory `DIR` to write to (required)")
	cli.PathVar(f, &o.images, "images", "", "the directory `DIR` that the dataset was extracted from, for thumbnails")
	f.IntVar(&o.mistakes, "mistakes", 24, "most wrong images to show")
	f.IntVar(&o.repeats, "repeats", 3, "trainings for each point of the learning curve, 0 for no curve")
	return command
}

func (o *reportOptions) validate() error {
	switch {
	case o.head == "":
		return cli.Usagef("--head HEAD is required")
	case o.out == "":
		return cli.Usagef("--out DIR is required")
	case o.mistakes < 0 || o.repeats < 0:
		return cli.Usagef("--mistakes and --repeats: use 0 or more")
	}
	return o.features.validate()
}

func (o *reportOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.images != "" {
		if info, err := os.Stat(o.images); err != nil || !info.IsDir() {
			return fmt.Errorf("--images %s is no directory: name the one that was given to extract", o.images)
		}
	}
	h, f, err := loadBoth(ctx, o.head, o.features)
	if err != nil {
		return err
	}
	seen, unseen := f.Seen(h)
	if len(unseen) == 0 {
		return fmt.Errorf("the head was trained on all %d images of %s: give another dataset, or train with --test-fraction", len(seen), o.features.dir)
	}
	test, err := f.Choose(unseen)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil { // before the learning curve, which takes long
		return fmt.Errorf("make the directory for the report: %w", err)
	}
	data := report.Data{Title: "Classifier of " + joinClasses(h.Classes), Training: h.Notes.Report, Facts: facts(h, o.features.dir, test), Settings: settings(h)}
	probabilities, err := h.Probabilities(test.X)
	if err != nil {
		return err
	}
	if data.Metrics, err = head.Evaluate(probabilities, test.Labels, h.Classes); err != nil {
		return err
	}
	for c, name := range h.Classes {
		if len(h.Classes) == 2 && c == 0 {
			continue // the second class's curve says the same
		}
		if points := head.ROC(probabilities, test.Labels, h.Classes, c); points != nil {
			data.ROC = append(data.ROC, report.Curve{Name: name, Points: points})
		}
	}
	data.Mistakes = o.wrong(h, test, probabilities)
	if data.Learning, err = o.learningCurve(ctx, h, f, seen, unseen); err != nil {
		return err
	}
	files, err := report.Write(o.out, data)
	for _, name := range files {
		fmt.Println(name)
	}
	return err
}

// learningCurve trains heads like h on parts of the rows that it has seen, and tests them on
// those that it has not.
func (o *reportOptions) learningCurve(ctx context.Context, h *head.Head, f finetuning.Features, seen, unseen []int) ([]head.CurvePoint, error) {
	if o.repeats == 0 {
		return nil, nil
	}
	like, err := optionsOf(h)
	if err != nil {
		logrus.Warnf("no learning curve: %v", err)
		return nil, nil
	}
	like.OwnNear = h.Notes.NearCopies > 0 // then the training has kept them together
	duplicates, err := like.Group(ctx, f)
	if err != nil {
		return nil, err
	}
	apart := withoutGroupsOf(seen, unseen, duplicates.Groups)
	if n := len(seen) - len(apart); n > 0 {
		logrus.Infof("learning curve: %d training images are left out, of which there are copies among those measured on", n)
	}
	learn, err := f.Choose(apart)
	if err != nil {
		return nil, err
	}
	test, err := f.Choose(unseen)
	if err != nil {
		return nil, err
	}
	groups := finetuning.Pick(duplicates.Groups, apart)
	if _, err := head.Classes(learn.Labels); err != nil {
		logrus.Warnf("no learning curve: the images that the head was trained on are not in %s", o.features.dir)
		return nil, nil
	}
	fit := func(ctx context.Context, x head.Matrix, labels, groups []string) (*head.Head, error) {
		trained, _, err := like.Fit(ctx, finetuning.Features{X: x, Labels: labels}, groups)
		return trained, err
	}
	last := 0
	return head.LearningCurve(ctx, learn.X, learn.Labels, test.X, test.Labels, fit, head.CurveOptions{
		Seed: h.Notes.Seed, Repeats: o.repeats, Groups: groups,
		Progress: func(rows int) {
			if rows != last {
				logrus.Infof("learning curve: trained on %d images", rows)
				last = rows
			}
		},
	})
}

// withoutGroupsOf are the rows none of whose group is among others.
func withoutGroupsOf(rows, others []int, groups []string) []int {
	taken := map[string]bool{}
	for _, i := range others {
		taken[groups[i]] = true
	}
	return slices.DeleteFunc(slices.Clone(rows), func(i int) bool { return taken[groups[i]] })
}

// wrong are the pictures taken for another class, the surest first.
func (o *reportOptions) wrong(h *head.Head, f finetuning.Features, probabilities [][]float64) []report.Mistake {
	var all []report.Mistake
	for i, p := range probabilities {
		taken := h.Predict(p)
		if taken != f.Labels[i] {
			all = append(all, report.Mistake{Path: f.Paths[i], Truth: f.Labels[i], Taken: taken, Probability: slices.Max(p)})
		}
	}
	slices.SortStableFunc(all, func(a, b report.Mistake) int { return cmp.Compare(b.Probability, a.Probability) })
	all = all[:min(o.mistakes, len(all))]
	for i := range all {
		file := all[i].Path
		all[i].Path = featurestore.EscapeText(file)
		if o.images == "" {
			continue
		}
		var err error
		if all[i].Thumbnail, err = thumbnail(filepath.Join(o.images, filepath.FromSlash(file)), h.Recipe.Resize); err != nil {
			logrus.Warnf("no thumbnail: %v", err)
		}
	}
	return all
}

// thumbnailSize is in pixels, both ways.
const thumbnailSize = 176

// thumbnail is a picture as the model saw it, as a JPEG.
func thumbnail(file, resize string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p, err := picture.Decode(content, picture.Options{Width: thumbnailSize, Height: thumbnailSize, Resize: picture.Resize(resize)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	img := image.NewRGBA(image.Rect(0, 0, p.Width, p.Height))
	for i := range p.Width * p.Height {
		copy(img.Pix[4*i:], p.Pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 80})
	return out.Bytes(), err
}

func facts(h *head.Head, dir string, test finetuning.Features) []report.Fact {
	r := h.Recipe
	return []report.Fact{
		{Name: "classes", Value: joinClasses(h.Classes)},
		{Name: "features", Value: fmt.Sprintf("%s of %s, %d values (pooling %s)", finetuning.LayerNames(h.Layers), r.Model, h.Columns(), r.Pool)},
		{Name: "images to the model", Value: fmt.Sprintf("%dx%d, %s, %s, %s", r.InputWidth, r.InputHeight, r.Resize, r.Interpolation, r.Preprocessing)},
		{Name: "computed by", Value: r.Library + ", " + r.Precision},
		{Name: "trained on", Value: fmt.Sprintf("%d images", h.Notes.TrainedOn)},
		{Name: "measured on", Value: fmt.Sprintf("%d images of the dataset %s that were not trained on", len(test.Labels), filepath.Base(dir))},
		{Name: "copies in the dataset", Value: fmt.Sprintf("%d equal, %d nearly so", h.Notes.Copies, h.Notes.NearCopies)},
	}
}

func settings(h *head.Head) []report.Fact {
	var all []report.Fact
	for _, name := range slices.Sorted(maps.Keys(h.Notes.Settings)) {
		if name == "lambda" && h.Notes.Settings[name] == "0" || name == "l1-ratio" && h.Notes.Settings["penalty"] != "elasticnet" {
			continue // they say nothing
		}
		all = append(all, report.Fact{Name: "--" + name, Value: h.Notes.Settings[name]})
	}
	if h.Notes.Report.Lambda > 0 {
		all = append(all, report.Fact{Name: "lambda chosen", Value: strconv.FormatFloat(h.Notes.Report.Lambda, 'g', -1, 64)})
	}
	if h.Notes.Report.Columns > 0 {
		all = append(all, report.Fact{Name: "columns", Value: describeColumns(h)})
	}
	if h.Notes.Report.Temperature > 0 {
		all = append(all, report.Fact{Name: "temperature", Value: fmt.Sprintf("%.3f", h.Notes.Report.Temperature)})
	}
	return append(all, report.Fact{Name: "version", Value: h.Notes.ToolVersion})
}

// optionsOf are the options that a head was trained with.
func optionsOf(h *head.Head) (*trainOptions, error) {
	if h.Notes.Settings == nil {
		return nil, errors.New("the head does not tell its settings: train it again with this version")
	}
	o := &trainOptions{}
	flags := o.flags()
	for name, value := range h.Notes.Settings {
		if err := flags.Set(name, value); err != nil {
			return nil, fmt.Errorf("the head was trained with --%s %s: %w", name, value, err)
		}
	}
	return o, nil
}
