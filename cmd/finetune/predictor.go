package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"fovea/app/cli"
	"fovea/head"
	"fovea/inference"
	"fovea/models"
	"fovea/serving"
)

// predictorFlags name a head, say where its model is, and where that runs.
type predictorFlags struct {
	head    string
	models  []string
	trust   bool
	session cli.SessionFlags
}

func (p *predictorFlags) addHead(f *pflag.FlagSet) {
	cli.PathVar(f, &p.head, "head", "", "the head's `FILE` (required)")
}

func (p *predictorFlags) addModel(f *pflag.FlagSet) {
	cli.PathsVar(f, &p.models, "model", "the head's `MODEL`, if it has moved since training: a name or the directory of a SavedModel; of a head on several, once for each that has moved (default: the head's)")
	cli.TrustVar(f, &p.trust)
	p.session.PrecisionVar(f, "", " (default: the head's)")
	f.StringVar(&p.session.Device, "device", inference.DeviceAuto, cli.DeviceHelp)
	cli.BatchVar(f, &p.session.Batch)
}

func (p *predictorFlags) validate() error {
	if p.head == "" {
		return cli.Usagef("--head HEAD is required")
	}
	return nil
}

// open opens the model that the flags select, with further options.
func (p *predictorFlags) open(h *head.Head, more serving.Options) (*serving.Predictor, error) {
	session := p.session
	config, err := session.Config()
	if err != nil {
		return nil, cli.UsageUnless(inference.ErrDevice, err)
	}
	more.Models, more.Dir, more.Session, more.Trust = p.models, filepath.Dir(p.head), config, p.trust
	more.Batch = cmp.Or(more.Batch, session.Batch)
	predictor, err := serving.Open(h, more)
	switch {
	case errors.Is(err, models.ErrUntrusted):
	case errors.Is(err, serving.ErrModel) && len(h.Recipe.Added) > 0:
		err = fmt.Errorf("%w; --model, given for each of %s that has moved, says where the models of %s are", err, h.Recipe.Models(), p.head)
	case errors.Is(err, serving.ErrModel) && len(p.models) == 0:
		err = fmt.Errorf("%w; --model says where the model of %s is", err, p.head)
	default:
		err = cli.UsageWhen(err, models.ErrUnknown)
	}
	return predictor, err
}

// decisionFlags say which label an image gets and which probabilities are shown.
type decisionFlags struct {
	serving.Decision
	flags *pflag.FlagSet
}

func (d *decisionFlags) add(f *pflag.FlagSet) {
	d.flags = f
	f.Float64Var(&d.Threshold, "threshold", 0, "minimum `PROBABILITY`, 0 to 1, of a label; images below it are unsure")
	f.StringVar(&d.Unsure, "unsure", "unsure", "the `LABEL` of images below the threshold")
	f.StringVar(&d.Unknown, "unknown", "", unknownUsage)
	addTop(f, &d.Top)
}

func (d *decisionFlags) validate() error {
	switch {
	case !(d.Threshold >= 0 && d.Threshold <= 1):
		return cli.Usagef("--threshold %g: use a probability from 0 to 1", d.Threshold)
	case d.flags.Changed("unknown") && d.Unknown == "":
		return cli.Usagef("--unknown needs a LABEL")
	case d.Top < 0:
		return cli.Usagef("--top %d: use a positive number, or 0 for all classes", d.Top)
	case d.flags.Changed("unsure") && d.Threshold == 0:
		return cli.Usagef("--unsure requires a --threshold")
	}
	return nil
}

// unknownUsage is the help of --unknown.
const unknownUsage = "label images unlike all that the head was trained on, those with a novelty above 1, as `LABEL`"

func addTop(f *pflag.FlagSet, top *int) {
	f.IntVar(top, "top", 0, "show only the `K` most probable classes, in that order; 0: all, by name (default: all of up to 20, otherwise 5)")
}

// usualTop is what --top is without being set.
func usualTop(f *pflag.FlagSet, top *int, h *head.Head) {
	if !f.Changed("top") {
		*top = serving.UsualTop(len(h.Classes))
	}
}

// suits fits the flags to a head. It refuses labels that are classes, or that the head cannot give.
func (d *decisionFlags) suits(h *head.Head) error {
	usualTop(d.flags, &d.Top, h)
	if err := d.Decision.Validate(h.Classes); err != nil {
		return cli.Usagef("--unsure %q: %w", d.Unsure, err)
	}
	if err := d.CheckUnknown(h); err != nil {
		return cli.Usagef("--unknown %q: %w", d.Unknown, err)
	}
	return nil
}
