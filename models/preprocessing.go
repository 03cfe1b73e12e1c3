package models

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// ErrPreprocessing says that weights or a model do not tell what was done to the images that
// they were trained on.
var ErrPreprocessing = errors.New("the preprocessing that these weights were trained on cannot be told")

// Finding is the preprocessing of weights and, for people, how it was found.
type Finding struct {
	Spec   preprocessing.Spec
	Reason string
	// Warning is what speaks against it; empty if nothing does.
	Warning string
}

// findPreprocessing decides what imported weights want of their input: what was asked for,
// else what the file states, else what its checksum or its first convolution tell, else
// what the publisher of the only framework with such weights documents. It never guesses:
// weights that none of these decide are ErrPreprocessing, with the candidates.
//
// The source is the file as read, adopted are its weights in our names.
func findPreprocessing(file string, asked preprocessing.Spec, source weights.Set, adopted vgg.Adopted) (Finding, error) {
	stated, found, err := statedPreprocessing(source, adopted)
	if err != nil && asked.IsZero() {
		return Finding{}, fmt.Errorf("%w; %s", err, candidates(preprocessing.None, preprocessing.ZeroOne, preprocessing.TF))
	}
	measured, related, err := relation(adopted.Set)
	if err != nil {
		return Finding{}, err
	}
	if !asked.IsZero() {
		f := Finding{Spec: asked, Reason: "as asked for"}
		if found && stated.Spec != asked {
			f.Warning = fmt.Sprintf("the file says otherwise: %s (%s), %s", stated.Spec, stated.Spec.Describe(), stated.Reason)
		} else if related && measured.Spec != asked {
			f.Warning = fmt.Sprintf("measured otherwise: %s (%s), %s", measured.Spec, measured.Spec.Describe(), measured.Reason)
		}
		return f, nil
	}
	if found {
		return stated, nil
	}
	published, isPublished, err := publishedAs(file, source.SHA256, related)
	switch {
	case err != nil:
		return Finding{}, err
	case isPublished:
		return Finding{Spec: published.Preprocessing, Reason: fmt.Sprintf("it is the published file %s, by its checksum", published.Name)}, nil
	case related:
		return measured, nil
	}
	if f, known := documented(adopted); known {
		return f, nil
	}
	return Finding{}, undecided(adopted.Scheme)
}

// statedPreprocessing is what the file says of itself.
func statedPreprocessing(source weights.Set, adopted vgg.Adopted) (Finding, bool, error) {
	if noted := source.Metadata[vgg.PreprocessingKey]; noted != "" && adopted.Scheme == vgg.SchemeOwn {
		spec, err := preprocessing.Parse(noted)
		return Finding{Spec: spec, Reason: cmp.Or(source.Metadata[vgg.PreprocessingSourceKey], "as the file states")}, err == nil, err
	}
	if noted := source.Metadata[weights.PreprocessingNote]; noted != "" {
		spec, err := parseGraphNote(noted)
		return Finding{Spec: spec, Reason: "what the graph does before its first convolution"}, err == nil, err
	}
	if noted := source.Metadata[weights.MeanKey]; noted != "" {
		spec, err := preprocessing.Parse("channels=rgb,mean=" + noted)
		return Finding{Spec: spec, Reason: "the mean that the file states"}, err == nil, err
	}
	return Finding{}, false, nil
}

// parseGraphNote reads a note of weights.PreprocessingNote: order=2:1:0,scale=...,offset=....
func parseGraphNote(note string) (preprocessing.Spec, error) {
	fields := map[string][]float64{}
	for part := range strings.SplitSeq(note, ",") {
		key, list, _ := strings.Cut(part, "=")
		for text := range strings.SplitSeq(list, ":") {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return preprocessing.Spec{}, fmt.Errorf("models: the graph's preprocessing %q: %w", note, err)
			}
			fields[key] = append(fields[key], v)
		}
	}
	switch order := fields["order"]; {
	case slices.Equal(order, []float64{0, 1, 2}):
		return preprocessing.Affine(preprocessing.RGB, fields["scale"], fields["offset"])
	case slices.Equal(order, []float64{2, 1, 0}):
		return preprocessing.Affine(preprocessing.BGR, fields["scale"], fields["offset"])
	}
	return preprocessing.Spec{}, fmt.Errorf("models: the graph takes the channels in another order than RGB or BGR: %q: %w", note, ErrPreprocessing)
}

// relation measures weights against the embedded base.
func relation(set weights.Set) (Finding, bool, error) {
	base, err := imagenet.VGG16()
	if err != nil {
		return Finding{}, false, err
	}
	kin, related, err := vgg.Relate(set, base)
	if err != nil || !related {
		return Finding{}, false, err
	}
	return Finding{Spec: kin.Spec, Reason: fmt.Sprintf("measured: the first convolution descends from the VGG group's VGG16 (correlation %.4f; with the channels in the opposite order %.4f)", kin.Correlation, kin.Other)}, true, nil
}

// documented is the preprocessing of frameworks all of whose published VGGs want the same.
func documented(adopted vgg.Adopted) (Finding, bool) {
	switch scheme := adopted.Scheme; {
	case adopted.Normalizations > 0:
		return Finding{Spec: preprocessing.Torch, Reason: fmt.Sprintf("VGGs with batch normalization are published for %s's preprocessing alone", scheme)}, true
	case slices.Contains([]vgg.Scheme{vgg.SchemeTimm, vgg.SchemePytorchcv, vgg.SchemeMMPretrain, vgg.SchemePaddle, vgg.SchemePaddleClas, vgg.SchemeMXNet}, scheme):
		return Finding{Spec: preprocessing.Torch, Reason: fmt.Sprintf("what %s documents for all of its VGGs", scheme)}, true
	case scheme == vgg.SchemeTFSlim:
		return Finding{Spec: preprocessing.RGBMeans, Reason: "what TF-slim documents for all of its VGGs"}, true
	case scheme == vgg.SchemeVGGFace:
		return Finding{Spec: preprocessing.VGGFace, Reason: "what VGGFace documents"}, true
	}
	return Finding{}, false
}

// undecided is the refusal, with what each answer would mean.
func undecided(scheme vgg.Scheme) error {
	specs := []preprocessing.Spec{preprocessing.Caffe, preprocessing.RGBMeans, preprocessing.Torch, preprocessing.TorchFeatures, preprocessing.ZeroOne, preprocessing.TF, preprocessing.VGGFace}
	if scheme == vgg.SchemeTorchvision { // the likeliest first
		specs = []preprocessing.Spec{preprocessing.Torch, preprocessing.Caffe, preprocessing.TorchFeatures, preprocessing.ZeroOne, preprocessing.RGBMeans, preprocessing.VGGFace}
	}
	return fmt.Errorf("models: %w: it states none, is no published file by its checksum, and its first convolution does not descend from the VGG group's; %s", ErrPreprocessing, candidates(specs...))
}

func candidates(specs ...preprocessing.Spec) string {
	return "say which, as the code does that trained or uses them:\n" + preprocessing.Candidates(specs...)
}
