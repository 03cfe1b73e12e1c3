package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/finetuning"
	"fovea/head"
	"fovea/internal/text"
	"fovea/report"
)

// trained is what train prints as JSON.
type trained struct {
	Head    string   `json:"head"`
	Classes []string `json:"classes"`
	Model   string   `json:"model"`
	Layers  []string `json:"layers"`
	// Kind is that of the head: auto, softmax, svm or mlp.
	Kind string `json:"kind,omitempty"`
	// Values is the number of features of an image, ConstantValues that of those which are the same in
	// all training images.
	Values         int `json:"values"`
	ConstantValues int `json:"constant_values"`
	TrainImages    int `json:"train_images"`
	// LeftOut are classes with fewer images to train on than --min-class.
	LeftOut  []head.ClassCount `json:"left_out,omitempty"`
	Training head.Report       `json:"training"`
	// Test are the metrics on the test set, null where there is none.
	Test *head.Metrics `json:"test"`
	// Novelty is that of the test set, where there is one.
	Novelty        *head.NoveltyShare `json:"novelty,omitempty"`
	ElapsedSeconds float64            `json:"elapsed_seconds"`
}

func trainingResult(file string, r *finetuning.TrainResult) trained {
	h := r.Head
	return trained{
		Head: file, Classes: h.Classes, Model: h.Recipe.Models(), Layers: h.LayerNames(), Kind: h.Notes.Settings["model"], Values: h.Columns(),
		ConstantValues: h.Standardization.Constant(), TrainImages: h.Notes.TrainedOn, LeftOut: h.Notes.LeftOut, Training: h.Notes.Report,
		Test: h.Notes.HeldOut, Novelty: h.Notes.Novelty, ElapsedSeconds: r.Elapsed.Seconds(),
	}
}

// printTraining prints a summary of a trained head.
func printTraining(w io.Writer, file string, r *finetuning.TrainResult) error {
	h, training := r.Head, r.Head.Notes.Report
	fmt.Fprintf(w, "head         %s\n", file)
	fmt.Fprintf(w, "classes      %s\n", text.Some(h.Classes))
	if left := h.Notes.LeftOut; len(left) > 0 {
		fmt.Fprintf(w, "left out     %s of fewer than %s images: %s\n", text.Count(len(left), "class", "classes"), h.Notes.Settings["min-class"], text.Some(head.NamesOf(left)))
	}
	fmt.Fprintf(w, "trained on   %s, %s of %s, %s each\n", text.Plural(h.Notes.TrainedOn, "image"), finetuning.LayerNames(h.Layers), h.Recipe.Models(), text.Plural(h.Columns(), "value"))
	printChoice(w, training)
	if training.Temperature > 0 {
		fmt.Fprintf(w, "temperature  %.3f\n", training.Temperature)
	}
	if training.Columns > 0 {
		fmt.Fprintf(w, "columns      %s\n", finetuning.DescribeColumns(h))
	}
	if n := h.Standardization.Constant(); n > 0 {
		fmt.Fprintf(w, "constant     %d of %d values are the same in all these images, so nothing is learned from them\n", n, h.Columns())
	}
	if training.AtEdge {
		logrus.Warnf("the best lambda, %g, is the largest or smallest of those tried", training.Lambda)
	}
	fmt.Fprintf(w, "time         %s\n", r.Elapsed.Round(10*time.Millisecond))
	if h.Notes.HeldOut != nil {
		fmt.Fprintf(w, "\ntest set of %s:\n", text.Plural(h.Notes.HeldOut.N, "image"))
		return errors.Join(report.WriteText(w, *h.Notes.HeldOut), report.WriteNovelty(w, h.Notes.Novelty))
	}
	return nil
}

// printChoice prints how the strength of the regularization, or the epoch, was chosen.
func printChoice(w io.Writer, r head.Report) {
	if chosen := finetuning.DescribeChoice(r); chosen != "" {
		c := r.Candidates[slices.IndexFunc(r.Candidates, func(c head.Candidate) bool { return c.Model == r.Model && c.Scaling == r.Scaling })]
		fmt.Fprintf(w, "model        %s\n", chosen)
		fmt.Fprintf(w, "             by cross-validation (%d folds, %d images): accuracy %.2f %%, log loss %.4f\n", r.Folds, r.Tested, 100*c.Accuracy, c.LogLoss)
	} else if best := slices.IndexFunc(r.Path, func(p head.PathPoint) bool { return p.Lambda == r.Lambda }); best >= 0 {
		fmt.Fprintf(w, "lambda       %g, by cross-validation (%d folds, %d images): accuracy %.2f %%, log loss %.4f\n",
			r.Lambda, r.Folds, r.Tested, 100*r.Path[best].Accuracy, r.Path[best].LogLoss)
	}
	if r.BestEpoch > 0 {
		e := r.Epochs[r.BestEpoch-1]
		fmt.Fprintf(w, "epochs       %d, the best is %d: accuracy %.2f %%, log loss %.4f on %d validation images\n",
			len(r.Epochs), e.Epoch, 100*e.Accuracy, e.LogLoss, r.Tested)
	}
}
