package finetuning

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/head"
	"fovea/internal/text"
	"fovea/internal/typo"
)

// setting is an option that a head records, under the name of its flag.
type setting struct {
	name string
	// models are the kinds of heads that it affects.
	models []string
	// field points to its value in the options.
	field func(o *TrainOptions) any
}

var (
	everyModel = []string{Auto, Softmax, SVM, MLP}
	convex     = []string{Softmax, SVM}
	hidden     = []string{MLP}
)

var settings = []setting{
	{"layers", everyModel, func(o *TrainOptions) any { return &o.Layers }},
	{"model", everyModel, func(o *TrainOptions) any { return &o.Model }},
	{"penalty", convex, func(o *TrainOptions) any { return &o.Penalty }},
	{"l1-ratio", convex, func(o *TrainOptions) any { return &o.L1Ratio }},
	{"scaling", everyModel, func(o *TrainOptions) any { return &o.Scaling }},
	{"class-weights", everyModel, func(o *TrainOptions) any { return &o.ClassWeights }},
	{"calibrate", everyModel, func(o *TrainOptions) any { return (*negated)(&o.Uncalibrated) }},
	{"lambda", convex, func(o *TrainOptions) any { return &o.Lambda }},
	{"seed", everyModel, func(o *TrainOptions) any { return &o.Seed }},
	{"test-fraction", everyModel, func(o *TrainOptions) any { return &o.TestFraction }},
	{"min-class", everyModel, func(o *TrainOptions) any { return (*optional)(&o.MinClass) }},
	{"near-duplicates", everyModel, func(o *TrainOptions) any { return &o.NearDuplicates }},
	{"units", hidden, func(o *TrainOptions) any { return &o.MLP.Units }},
	{"dropout", hidden, func(o *TrainOptions) any { return (*dropout)(&o.MLP.Dropout) }},
	{"learning-rate", hidden, func(o *TrainOptions) any { return &o.MLP.Rate }},
	{"batch", hidden, func(o *TrainOptions) any { return &o.MLP.Batch }},
	{"epochs", hidden, func(o *TrainOptions) any { return &o.MLP.Epochs }},
	{"patience", hidden, func(o *TrainOptions) any { return &o.MLP.Patience }},
}

// dropout is a fraction whose zero value means the default; a negative one means no dropout.
type dropout float64

// optional is a number that is recorded unless it is 0.
type optional int

// negated is a switch that is recorded by the opposite of its value.
type negated bool

// formerSettings are names that heads of earlier versions record.
var formerSettings = map[string]string{"layer": "layers", "rate": "learning-rate"}

// Settings returns the options that determine a head, by the names of their flags, as heads record
// them: not where features come from, nor what the kind of head does not use.
func (o TrainOptions) Settings() map[string]string {
	o = o.withDefaults()
	all := map[string]string{}
	for _, s := range settings {
		if text := formatSetting(s.field(&o)); text != "" && slices.Contains(s.models, o.Model) {
			all[s.name] = text
		}
	}
	return all
}

// SettingsOf returns the names of the settings that a kind of head uses, or of all kinds for "".
func SettingsOf(model string) []string {
	var names []string
	for _, s := range settings {
		if model == "" || slices.Contains(s.models, model) {
			names = append(names, s.name)
		}
	}
	return names
}

// optionsOf returns the options that a head was trained with, from the settings that it records.
// A head without settings, or with settings that this version does not know, is an error.
func optionsOf(h *head.Head) (TrainOptions, error) {
	if h.Notes.Settings == nil {
		return TrainOptions{}, errors.New("the head does not record its settings: train it again with this version")
	}
	o := TrainOptions{Model: Softmax, Uncalibrated: true, TestFraction: 0.2, NearDuplicates: 0.98, Seed: 1} // what earlier versions left out
	for _, name := range slices.Sorted(maps.Keys(h.Notes.Settings)) {
		if err := o.set(name, h.Notes.Settings[name]); err != nil {
			return TrainOptions{}, fmt.Errorf("the head was trained with %s %s: %w", name, h.Notes.Settings[name], err)
		}
	}
	return o.withDefaults(), nil
}

// set sets an option by the name of its flag, of today or of earlier versions.
func (o *TrainOptions) set(name, text string) error {
	if now, found := formerSettings[name]; found {
		name = now
	}
	at := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if at < 0 {
		return errors.New("this version does not have that setting for heads")
	}
	return parseSetting(settings[at].field(o), text)
}

// formatSetting writes the value that field points to.
func formatSetting(field any) string {
	switch v := field.(type) {
	case *string:
		return *v
	case *[]string:
		return strings.Join(*v, ",")
	case *bool:
		return strconv.FormatBool(*v)
	case *negated:
		return strconv.FormatBool(!bool(*v))
	case *int:
		return strconv.Itoa(*v)
	case *uint64:
		return strconv.FormatUint(*v, 10)
	case *float64:
		return strconv.FormatFloat(*v, 'g', -1, 64)
	case *optional:
		if *v != 0 {
			return strconv.Itoa(int(*v))
		}
	case *dropout:
		return strconv.FormatFloat(max(0, float64(*v)), 'g', -1, 64)
	}
	return ""
}

// parseSetting reads what formatSetting writes.
func parseSetting(field any, text string) (err error) {
	switch v := field.(type) {
	case *string:
		*v = text
	case *[]string:
		*v = strings.Split(text, ",")
	case *bool:
		*v, err = strconv.ParseBool(text)
	case *negated:
		var on bool
		on, err = strconv.ParseBool(text)
		*v = negated(!on)
	case *int:
		*v, err = strconv.Atoi(text)
	case *optional:
		var n int
		n, err = strconv.Atoi(text)
		*v = optional(n)
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
	case *dropout:
		var share float64
		if share, err = strconv.ParseFloat(text, 64); share == 0 {
			share = -1
		}
		*v = dropout(share)
	}
	return err
}

// OptionError is an option with a value that cannot be used.
type OptionError struct {
	// Option is the name of its flag.
	Option string
	// Problem says what is wrong and what to use.
	Problem string
}

func (e OptionError) Error() string { return e.Option + " " + e.Problem }

// Validate checks options before anything is read. Errors are OptionErrors.
func (o TrainOptions) Validate() error {
	o = o.withDefaults()
	for _, c := range slices.Concat(o.choices(), o.ranges()) {
		if !c.ok {
			return OptionError{c.option, c.problem}
		}
	}
	return nil
}

// check is a condition that an option must meet.
type check struct {
	ok              bool
	option, problem string
}

// choices checks names, and options that are mutually exclusive.
func (o TrainOptions) choices() []check {
	return []check{
		oneOf("model", o.Model, Auto, Softmax, SVM, MLP),
		oneOf("penalty", o.Penalty, L2, L1, ElasticNet),
		{o.Penalty == L2 || o.Model == Softmax, "penalty", o.Penalty + " requires model softmax"},
		oneOf("scaling", cmp.Or(o.Scaling, string(head.ScaleCommon)), string(head.ScaleCommon), string(head.ScaleColumns), string(head.ScaleUnit), string(head.ScaleSqrt)),
		oneOf("class-weights", o.ClassWeights, string(head.WeighRows), string(head.WeighClasses)),
		{o.Lambda == 0 || o.Model != MLP, "lambda", "applies to softmax and svm: mlp is regularized by dropout"},
		{o.Lambda == 0 || o.Model != Auto, "lambda", "applies to softmax and svm: auto chooses it itself"},
	}
}

// oneOf checks a name, and suggests the nearest known one.
func oneOf(option, name string, names ...string) check {
	return check{slices.Contains(names, name), option, fmt.Sprintf("%q is unknown%s: use %s", name, typo.Hint(name, names), text.Alternatives(names))}
}

// ranges checks numbers.
func (o TrainOptions) ranges() []check {
	checks := []check{
		{o.L1Ratio > 0 && o.L1Ratio < 1, "l1-ratio", fmt.Sprintf("%g: use a share between 0 and 1; the penalties l2 and l1 are the ends", o.L1Ratio)},
		{o.Lambda >= 0 && !math.IsInf(o.Lambda, 0), "lambda", fmt.Sprintf("%g: use a positive number", o.Lambda)},
		{o.NearDuplicates >= 0 && o.NearDuplicates <= 1, "near-duplicates", fmt.Sprintf("%g: use a cosine above 0 and at most 1, or 0 for equal files only", o.NearDuplicates)},
		{o.MinClass >= 0, "min-class", fmt.Sprintf("%d: use the least number of images of a class", o.MinClass)},
		{o.MLP.Rate >= 0 && o.MLP.Rate <= 1, "learning-rate", fmt.Sprintf("%g: use a rate above 0 and at most 1", o.MLP.Rate)},
		{o.MLP.Dropout < 1, "dropout", fmt.Sprintf("%g: use a dropout from 0 to below 1", o.MLP.Dropout)},
		{o.NoveltyRate >= 0 && o.NoveltyRate < 1, "novelty-rate", fmt.Sprintf("%g: use a share below 1, or 0 for a head that does not tell what it does not know", o.NoveltyRate)},
		{o.TestFraction >= 0 && o.TestFraction < 1, "test-fraction", fmt.Sprintf("%g: use 0, or a fraction below 1", o.TestFraction)},
	}
	for _, count := range []struct {
		option string
		n      int
	}{{"units", o.MLP.Units}, {"batch", o.MLP.Batch}, {"epochs", o.MLP.Epochs}, {"patience", o.MLP.Patience}} {
		checks = append(checks, check{count.n >= 1, count.option, fmt.Sprintf("%d: use 1 or more", count.n)})
	}
	return checks
}
