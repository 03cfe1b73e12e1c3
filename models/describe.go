package models

import (
	"errors"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"fovea/preprocessing"
	"fovea/savedmodel"
	"fovea/vgg"
	"fovea/vgg/weights"
)

// The kinds of models.
const (
	KindVGG        = "VGG"
	KindSavedModel = "SavedModel"
)

// Description is what is known about a model without computing anything with it.
type Description struct {
	Name string `json:"name"`
	// Kind is KindVGG or KindSavedModel.
	Kind string `json:"kind"`
	// Configuration is the letter in the paper's table, for a VGG.
	Configuration string `json:"configuration,omitempty"`
	// Input is the shape of an image: height, width, channels. 0 is any height or width.
	Input         []int              `json:"input,omitempty"`
	Preprocessing preprocessing.Spec `json:"preprocessing,omitzero"`
	// Details spell the preprocessing out.
	Details *preprocessing.Details `json:"preprocessing_details,omitempty"`
	// PreprocessingSource says how the preprocessing of imported weights or of a graph was found,
	// PreprocessingUnstated why it was not.
	PreprocessingSource   string `json:"preprocessing_source,omitempty"`
	PreprocessingUnstated string `json:"preprocessing_unstated,omitempty"`
	// Weights is "none", "base" (the convolutions only), "all", or the base with the fully connected
	// layers that have weights, such as "base, fc6, fc7".
	Weights string `json:"weights"`
	SHA256  string `json:"sha256,omitempty"`
	// Parameters is the number of weights and biases of the whole network.
	Parameters int                `json:"parameters"`
	Layers     []LayerDescription `json:"layers"`
	// Bytes is the size of a SavedModel's files.
	Bytes int64 `json:"bytes,omitempty"`
	// Devices are the kinds of devices that the graph is pinned to. Without any it runs on CPUs and GPUs.
	Devices    []string               `json:"devices,omitempty"`
	Signatures []savedmodel.Signature `json:"signatures,omitempty"`
	// Operations are those that a SavedModel would run, with the number of nodes; Impure are those of them that
	// could do more than compute, for which it is not opened unless it is trusted.
	Operations map[string]int      `json:"operations,omitempty"`
	Impure     []savedmodel.Impure `json:"impure,omitempty"`
	// Notes say what the graph alone does not show.
	Notes []string `json:"notes,omitempty"`
}

// LayerDescription is one layer of a Description.
type LayerDescription struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	// Kind is what the layer computes: a vgg.Kind, or the operation of a SavedModel's graph.
	Kind string `json:"kind,omitempty"`
	// Shape is that of one image's output, Kernel that of the layer's kernel, if it has one.
	Shape      []int `json:"shape"`
	Kernel     []int `json:"kernel,omitempty"`
	Parameters int   `json:"parameters"`
}

// Describe describes the model with a name that Open takes. Nothing of a SavedModel is run. The weights of a
// configuration need not be there. A name of neither kind is ErrUnknown.
func Describe(name string) (Description, error) {
	if dir, signature, ok := SavedModel(name); ok {
		return describeSavedModel(dir, signature)
	}
	c, err := configuration(name)
	if err != nil {
		return Description{}, err
	}
	return describeVGG(c)
}

func describeVGG(c vgg.Configuration) (Description, error) {
	d := Description{Name: c.Name, Kind: KindVGG, Configuration: c.Letter, Input: []int{vgg.InputSize, vgg.InputSize, 3}, Weights: "none"}
	set, err := Weights(c, "")
	noWeights := errors.Is(err, ErrNoWeights)
	if err != nil && !noWeights {
		return d, err
	}
	layers, err := c.LayersWith(set)
	if err != nil {
		return d, err
	}
	for _, l := range layers {
		d.Layers = append(d.Layers, LayerDescription{l.Name, l.Aliases, string(l.Kind), l.Shape, l.Kernel, l.Parameters()})
		d.Parameters += l.Parameters()
	}
	if noWeights {
		return d, nil
	}
	d.SHA256 = set.SHA256
	if d.Weights, err = extent(c, set); err != nil {
		return d, err
	}
	d.Preprocessing, err = vgg.Preprocessing(set)
	d.Details, d.PreprocessingSource = d.Preprocessing.Details(), set.Metadata[vgg.PreprocessingSourceKey]
	return d, err
}

// extent says which layers have weights.
func extent(c vgg.Configuration, set weights.Set) (string, error) {
	layers, err := c.LayersOf(set)
	if err != nil {
		return "", err
	}
	extent := "base"
	for _, l := range layers {
		if l.Kind == vgg.KindDense {
			extent += ", " + l.Name
		}
		if l.Kind == vgg.KindSoftmax {
			return "all", nil
		}
	}
	return extent, nil
}

func describeSavedModel(dir, signature string) (Description, error) {
	outside, err := savedmodel.Inspect(dir, signature)
	if err != nil {
		return Description{}, err
	}
	d := Description{
		Name: filepath.Base(dir), Kind: KindSavedModel, Weights: "all", Parameters: outside.Parameters,
		Bytes: outside.Bytes, Signatures: outside.Signatures, Devices: outside.Devices,
		Operations: outside.Operations, Impure: outside.Impure,
	}
	model, err := savedmodel.Examine(dir, savedmodel.Options{Signature: signature})
	switch {
	case errors.Is(err, savedmodel.ErrSignature) && signature == "":
		logrus.Warnf("the layers depend on the signature: %v", err)
		return d, nil
	case errors.Is(err, ErrUntrusted):
		d.Notes = []string{"layers and preprocessing are not shown: finding them would give operations to TensorFlow that do more than compute"}
		return d, nil
	case err != nil:
		return Description{}, err
	}
	d.Name, d.Input, d.SHA256 = model.Name, []int{model.InputHeight, model.InputWidth, model.Depth()}, model.SHA256
	d.Preprocessing, d.Details = model.Preprocessing, model.Preprocessing.Details()
	d.PreprocessingSource, d.PreprocessingUnstated = model.Normalizes, model.Unstated
	d.Notes = model.Notes
	for _, l := range model.Layers {
		d.Layers = append(d.Layers, LayerDescription{Name: l.Name, Aliases: l.Aliases, Kind: l.Output.Op.Type(), Shape: l.Shape})
	}
	return d, nil
}
