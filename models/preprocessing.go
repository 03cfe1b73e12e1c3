package models

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/preprocessing"
	"fovea/vgg"
	"fovea/vgg/imagenet"
	"fovea/vgg/weights"
)

// ErrPreprocessing says that nothing shows which preprocessing weights or a model were trained with.
var ErrPreprocessing = errors.New("the preprocessing that these weights were trained with is unknown")

// Finding is the preprocessing of weights and, for people, how it was found.
type Finding struct {
	Spec   preprocessing.Spec
	Reason string
	// Warning says what contradicts it, if anything does.
	Warning string
}

// findPreprocessing finds the preprocessing that imported weights were trained with. It is what was requested,
// or what the file states, or what its checksum or its first convolution shows, or what the only framework
// with such weights documents, in this order. It never guesses: weights that none of these decide are
// ErrPreprocessing, with the candidates.
//
// The source is the file as read; adopted are its weights with our names.
func findPreprocessing(file string, requested preprocessing.Spec, source weights.Set, adopted vgg.Adopted) (Finding, error) {
	stated, found, err := statedPreprocessing(source, adopted)
	if err != nil && requested.IsZero() {
		return Finding{}, fmt.Errorf("%w; %s", err, candidates(preprocessing.None, preprocessing.ZeroOne, preprocessing.TF))
	}
	measured, related, err := relation(adopted.Set)
	if err != nil {
		return Finding{}, err
	}
	if !requested.IsZero() {
		f := Finding{Spec: requested, Reason: "as asked for"}
		if found && stated.Spec != requested {
			f.Warning = fmt.Sprintf("the file says otherwise: %s (%s), %s", stated.Spec, stated.Spec.Describe(), stated.Reason)
		} else if related && measured.Spec != requested {
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
	if adopted.Scheme == vgg.SchemeVGGFace && isKerasVGGFace(source) {
		return Finding{Spec: preprocessing.VGGFace, Reason: "what keras_vggface documents"}, nil
	}
	return Finding{}, undecided(adopted.Scheme)
}

// statedPreprocessing is the one that the file states.
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
	var channels preprocessing.Channels
	switch order := fields["order"]; {
	case slices.Equal(order, []float64{0, 1, 2}):
		channels = preprocessing.RGB
	case slices.Equal(order, []float64{2, 1, 0}):
		channels = preprocessing.BGR
	default:
		return preprocessing.Spec{}, fmt.Errorf("models: %w: the graph reorders the channels to neither RGB nor BGR: %q", ErrPreprocessing, note)
	}
	return ofBytes(channels, fields["scale"], fields["offset"])
}

// ofBytes is the Spec of a graph whose arithmetic shows that its input is 0 to 255. A graph whose input is
// 0 to 1 gives itself away: it scales the input up, or shifts it by little.
func ofBytes(channels preprocessing.Channels, scale, offset []float64) (preprocessing.Spec, error) {
	whole, err := preprocessing.Affine(channels, scale, offset)
	if err != nil || len(scale) == 0 || len(offset) == 0 {
		return whole, err
	}
	const (
		mostScale   = 1.5 // of published networks, the largest is 1
		leastOffset = 3   // of a network that takes 0 to 255 unscaled
	)
	shifts := slices.ContainsFunc(offset, func(v float64) bool { return v != 0 })
	small := !slices.ContainsFunc(offset, func(v float64) bool { return math.Abs(v) >= leastOffset })
	if slices.Max(scale) <= mostScale && !(slices.Max(scale) > 0.5 && shifts && small) {
		return whole, nil
	}
	unit := make([]float64, len(scale))
	for i, v := range scale {
		unit[i] = v / 255
	}
	fraction, err := preprocessing.Affine(channels, unit, offset)
	if err != nil {
		return fraction, err
	}
	return fraction, fmt.Errorf("models: %w: the graph normalizes its input, but does not show whether that is 0 to 1 or 0 to 255; %s", ErrPreprocessing, candidates(fraction, whole))
}

// relation measures whether weights descend from the embedded base.
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

// documented is the preprocessing of frameworks whose published VGGs all use the same.
func documented(adopted vgg.Adopted) (Finding, bool) {
	switch scheme := adopted.Scheme; {
	case adopted.Normalizations > 0:
		return Finding{Spec: preprocessing.Torch, Reason: fmt.Sprintf("%s publishes VGGs with batch normalization for this preprocessing only", scheme)}, true
	case slices.Contains([]vgg.Scheme{vgg.SchemeTimm, vgg.SchemePytorchcv, vgg.SchemeMMPretrain, vgg.SchemePaddle, vgg.SchemePaddleClas, vgg.SchemeMXNet}, scheme):
		return Finding{Spec: preprocessing.Torch, Reason: fmt.Sprintf("what %s documents for all of its VGGs", scheme)}, true
	case scheme == vgg.SchemeTFSlim:
		return Finding{Spec: preprocessing.RGBMeans, Reason: "what TF-slim documents for all of its VGGs"}, true
	case scheme == vgg.SchemeKerasHub:
		return Finding{Spec: preprocessing.Torch, Reason: "what KerasHub documents: its VGGs are converted from timm's"}, true
	}
	return Finding{}, false
}

// isKerasVGGFace recognizes the file of keras_vggface, which takes BGR. Conversions to PyTorch are something
// else: some of them take RGB.
func isKerasVGGFace(source weights.Set) bool {
	for name := range source.Tensors {
		if strings.HasSuffix(name, "conv1_1/kernel:0") {
			return true
		}
	}
	return false
}

// undecided is the error where nothing decides, with what each answer would mean.
func undecided(scheme vgg.Scheme) error {
	specs := []preprocessing.Spec{preprocessing.Caffe, preprocessing.RGBMeans, preprocessing.Torch, preprocessing.TorchFeatures, preprocessing.ZeroOne, preprocessing.TF, preprocessing.VGGFace}
	switch scheme { // the likeliest first
	case vgg.SchemeVGGFace:
		faces := preprocessing.VGGFace.Mean
		specs = []preprocessing.Spec{preprocessing.VGGFace, preprocessing.New(preprocessing.RGB, 1, [3]float64{faces[2], faces[1], faces[0]}, [3]float64{1, 1, 1})}
	case vgg.SchemeTorchvision:
		specs = []preprocessing.Spec{preprocessing.Torch, preprocessing.Caffe, preprocessing.TorchFeatures, preprocessing.ZeroOne, preprocessing.RGBMeans, preprocessing.VGGFace}
	}
	return fmt.Errorf("models: %w: the file states none, its checksum is not that of a published file, and its first convolution does not descend from the VGG group's; %s", ErrPreprocessing, candidates(specs...))
}

func candidates(specs ...preprocessing.Spec) string {
	return "give the one in the code that trained or uses them:\n" + preprocessing.Candidates(specs...)
}
