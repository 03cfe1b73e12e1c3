package finetuning

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fovea/head"
	"fovea/inference"
	"fovea/picture"
	"fovea/pipeline"
	"fovea/preprocessing"
	"fovea/recipe"
	"fovea/training"
	"fovea/vgg"
)

// NetworkOptions say which network is trained from random weights, and how.
type NetworkOptions struct {
	// Configuration is one of the paper's (default VGG16).
	Configuration vgg.Configuration
	// Size is the height and width of the images in pixels, 32 to 224 (default 64).
	Size int
	// Units is the number of units of fc6 and of fc7 (default 4096).
	Units int
	// Resize says how images become square (default picture.Squash).
	Resize picture.Resize
	// Preprocessing says how pixels become the network's input, three values each (default
	// preprocessing.Caffe).
	Preprocessing preprocessing.Spec
	// Augment lists random changes of the training images: flip, shift, zoom, with commas between
	// them, or none (the default).
	Augment string
	// Initializer draws the kernels (default training.GlorotUniform).
	Initializer training.Initializer
	// Optimizer has the optimizer's options. Its seed is that of the whole training.
	Optimizer training.Options
	// Batch is the number of images in a step (default training.DefaultBatch).
	Batch int
	// Session chooses the device.
	Session inference.SessionConfig
}

func (o NetworkOptions) withDefaults() NetworkOptions {
	if o.Configuration.Name == "" {
		o.Configuration, _ = vgg.ByName("vgg16") // it exists
	}
	if o.Size == 0 {
		o.Size = 64
	}
	if o.Units == 0 {
		o.Units = 4096
	}
	if o.Resize == "" {
		o.Resize = picture.Squash
	}
	if o.Preprocessing.IsZero() {
		o.Preprocessing = preprocessing.Caffe
	}
	if o.Augment == "" {
		o.Augment = "none"
	}
	if o.Initializer == "" {
		o.Initializer = training.GlorotUniform
	}
	if o.Batch == 0 {
		o.Batch = training.DefaultBatch
	}
	return o
}

// Validate checks the options before any image is read.
func (o NetworkOptions) Validate() error {
	o = o.withDefaults()
	if err := o.dimensions(2).Validate(); err != nil {
		return err
	}
	if i := o.Initializer; i != training.GlorotUniform && i != training.HeUniform {
		return fmt.Errorf("unknown initializer %q: use glorot or he", i)
	}
	if o.Batch < 1 {
		return fmt.Errorf("a batch of %d images: use 1 or more", o.Batch)
	}
	if err := o.Optimizer.Validate(); err != nil {
		return err
	}
	if _, err := picture.ParseAugmentation(o.Augment); err != nil {
		return err
	}
	if _, err := pipeline.ConfigFor(o.recipe()); err != nil {
		return err
	}
	if d := o.Preprocessing.Depth(); d != 3 {
		return fmt.Errorf("preprocessing %s makes %d values of a pixel: a VGG takes 3", o.Preprocessing, d)
	}
	return nil
}

func (o NetworkOptions) dimensions(classes int) vgg.Dimensions {
	return vgg.Dimensions{InputSize: o.Size, Units: o.Units, Classes: classes}
}

// recipe is how an image becomes the network's input.
func (o NetworkOptions) recipe() recipe.Recipe {
	return recipe.Recipe{
		Model: o.Configuration.Name, Preprocessing: o.Preprocessing, Resize: string(o.Resize), Interpolation: string(picture.Bilinear),
		InputHeight: o.Size, InputWidth: o.Size,
	}
}

// trainer has the network with its random weights.
func (o NetworkOptions) trainer(classes int, seed uint64) (*training.Trainer, error) {
	network, err := training.VGG(o.Configuration, o.dimensions(classes))
	if err != nil {
		return nil, err
	}
	options := o.Optimizer
	options.Seed = seed
	t, err := training.New(network, options, o.Session)
	if err != nil {
		return nil, err
	}
	set, err := network.Initial(o.Initializer, seed)
	if err == nil {
		err = t.Assign(set)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// scratchData is the images that a network is trained on from random weights, with the options that
// Scratch and Compare have in common.
type scratchData struct {
	*imageSet
	network NetworkOptions
	split   Split
	seed    uint64
	// testFraction is the requested one.
	testFraction float64
	augment      picture.Augmentation
}

// loadScratch reads and splits the images. Close releases them.
func loadScratch(ctx context.Context, images ImageOptions, network NetworkOptions, out string, seed uint64) (*scratchData, error) {
	d := &scratchData{network: network, seed: seed, testFraction: images.TestFraction}
	var err error
	if d.augment, err = picture.ParseAugmentation(network.Augment); err != nil {
		return nil, err
	}
	if err := inference.Load(); err != nil { // before images are read, which may take hours
		return nil, err
	}
	if d.imageSet, d.split, err = images.load(ctx, network.recipe(), out, seed); err != nil {
		return nil, err
	}
	return d, nil
}

// training are the examples to learn from, changed at random.
func (d *scratchData) training() *training.Examples {
	return d.examples(d.split.Train, d.network.Size, d.network.Preprocessing, d.augment)
}

// test are the examples to measure on, nil for none.
func (d *scratchData) test() *training.Examples {
	if len(d.split.Test) == 0 {
		return nil
	}
	return d.examples(d.split.Test, d.network.Size, d.network.Preprocessing, picture.Augmentation{})
}

// settings are how the network of t is trained, by snake_case names.
func (d *scratchData) settings(t *training.Trainer) map[string]any {
	o, optimizer := d.network, t.Options()
	return map[string]any{
		"configuration": o.Configuration.Name, "size": o.Size, "units": o.Units, "classes": d.classes,
		"optimizer": string(optimizer.Optimizer), "learning_rate": optimizer.LearningRate, "momentum": optimizer.Momentum,
		"dropout": optimizer.Dropout, "weight_decay": optimizer.WeightDecay, "batch": o.Batch,
		"initializer": string(o.Initializer), "augment": o.Augment, "preprocessing": o.Preprocessing.String(),
		"resize": string(o.Resize), "test_fraction": d.testFraction, "seed": d.seed,
	}
}

// identity is what must be the same for a training to continue from a checkpoint. Its keys are those
// of the first version, whose checkpoints can still be continued.
func (d *scratchData) identity(t *training.Trainer) map[string]string {
	all := map[string]string{"pictures": d.fingerprint()}
	for name, value := range d.settingTexts(t) {
		if name == "test_fraction" {
			name = "validation_fraction"
		}
		all[strings.ReplaceAll(name, "_", " ")] = value
	}
	return all
}

// settingTexts are the settings as texts.
func (d *scratchData) settingTexts(t *training.Trainer) map[string]string {
	texts := map[string]string{}
	for name, value := range d.settings(t) {
		texts[name] = fmt.Sprint(value)
	}
	texts["classes"] = strings.Join(d.classes, ", ")
	return texts
}

// notes say in a head how it came about, with the settings by the names of their flags.
func (d *scratchData) notes(t *training.Trainer, toolVersion string) head.Notes {
	settings := map[string]string{}
	for name, value := range d.settingTexts(t) {
		settings[strings.ReplaceAll(name, "_", "-")] = value
	}
	settings["config"] = settings["configuration"]
	delete(settings, "configuration")
	delete(settings, "classes") // the head has them
	return head.Notes{ToolVersion: toolVersion, Seed: d.seed, TrainedOn: len(d.split.Train), Settings: settings}
}
