package vgg

import (
	"regexp"
	"strconv"
	"strings"

	"fovea/internal/lazy"
)

// A pattern reads the names of one scheme by its named groups: prefix, what precedes the layer's
// own name; class; block, index and number; rest, which ends in the part.
type pattern struct {
	scheme    Scheme
	numbering numbering
	names     func() *regexp.Regexp
}

// patterns are tried in this order.
var patterns = []pattern{
	{SchemePytorchcv, byBlock, lazy.Regexp(`^(?P<prefix>.*?)features\.stage(?P<block>\d)\.unit(?P<index>\d)\.(?P<class>conv|bn)(?P<rest>\..+)$`)},
	{SchemePaddleClas, byBlock, lazy.Regexp(`^(?P<prefix>.*?)_?conv_block_(?P<block>\d)\._?conv_?(?P<index>\d)(?P<rest>\..+)$`)},
	{SchemeKeras, byBlock, lazy.Regexp(`^(?P<prefix>(?:.*?[/.])??)block(?P<block>\d)_conv(?P<index>\d)(?P<rest>[/.].+)$`)},
	{SchemeTFSlim, byBlock, lazy.Regexp(`^(?P<prefix>(?:.*?/)??)conv\d/conv(?P<block>\d)_(?P<index>\d)(?P<rest>/.+)$`)},
	{SchemeCaffe, byBlock, lazy.Regexp(`^(?P<prefix>(?:.*?[/.])??)conv_?(?P<block>\d)_(?P<index>\d)(?P<rest>(?:[/._].+|[fb]))$`)},
	{SchemeONNX, byOrdinal, lazy.Regexp(`^(?P<prefix>(?:.*/)?sequence/)(?P<class>convolution|dense|batch_norm)_(?P<number>\d+)(?P<rest>/.+)$`)},
	{SchemeCaffe, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?[/.])??)fc_?(?P<number>[678])[a-z]?(?P<rest>(?:[-/._].+|[fb]))$`)},
	{SchemeTimm, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?\.)??)(?:pre_logits\.fc(?P<first>[12])|(?P<last>head\.fc))(?P<rest>\..+)$`)},
	{SchemePytorchcv, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?\.)??)output\.fc(?P<first>[123])(?:\.fc)?(?P<rest>\.[^.]+)$`)},
	{SchemePaddleClas, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?\.)??)_?fc(?P<first>[123])(?P<rest>\.[^.]+)$`)},
	{SchemeKeras, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?/)??)(?:fc(?P<first>[12])|(?P<last>predictions))(?P<rest>/.+)$`)},
	{SchemeTorchvision, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?\.)??)classifier\.(?P<third>[036])(?P<rest>\.[^.]+)$`)},
	{SchemeTorchvision, byRole, lazy.Regexp(`^(?P<prefix>(?:.*?\.)??)(?:linear(?P<zeroth>[01])|(?P<last>last_linear))(?P<rest>\.[^.]+)$`)},
	{SchemeKeras, byOrdinal, lazy.Regexp(`^(?P<prefix>(?:.*?/)??)(?P<class>conv2d|dense|batch_normalization)(?:_(?P<number>\d+))?(?P<rest>/.+)$`)},
	{SchemeMXNet, byOrdinal, lazy.Regexp(`^(?:arg:|aux:)?(?P<prefix>(?:\w*?_)??)(?P<class>conv|dense|batchnorm)(?P<number>\d+)(?P<rest>_.+)$`)},
	{SchemeMXNet, byRole, lazy.Regexp(`^(?:arg:|aux:)?(?P<prefix>(?:.*?\.)??)(?P<last>output)(?P<rest>\.[^.]+)$`)},
	{SchemeKeras, byModule, lazy.Regexp(`^(?P<prefix>.*(?:layer_with_weights-|_operations/|layers/))(?P<number>\d+)(?P<rest>/[^/]+)$`)},
	{SchemeMMPretrain, byModule, lazy.Regexp(`^(?P<prefix>(?:.*\.)?)(?P<number>\d+)\.(?P<class>conv|bn|norm)(?P<rest>\.[^.]+)$`)},
	{SchemeTorchvision, byModule, lazy.Regexp(`^(?:arg:|aux:)?(?P<prefix>(?:.*\.)?)(?P<number>\d+)(?P<rest>\.[^.]+)$`)},
}

var classes = map[string]classOfLayer{
	"": ofAnyClass, "conv": ofConvolution, "convolution": ofConvolution, "conv2d": ofConvolution, "dense": ofDense,
	"bn": ofNormalization, "norm": ofNormalization, "batch_norm": ofNormalization, "batchnorm": ofNormalization, "batch_normalization": ofNormalization,
}

// parts are the names of a tensor's part, where that is the last word of its name.
var parts = map[string]part{
	"kernel": partKernel, "_kernel": partKernel, "weight": partKernel, "weights": partKernel, "filter": partKernel, "filters": partKernel, "W": partKernel, "w": partKernel,
	"f": partKernel, "bias": partBias, "_bias": partBias, "biases": partBias, "b": partBias, "gamma": partGamma, "beta": partBeta,
	"running_mean": partMean, "moving_mean": partMean, "_mean": partMean, "mean": partMean,
	"running_var": partVariance, "moving_variance": partVariance, "moving_var": partVariance, "_variance": partVariance, "variance": partVariance,
	"epsilon": partEpsilon,
}

// variables are the parts of a layer in Keras weights files, where they are numbered.
var variables = map[string]part{"vars/0": partKernel, "vars/1": partBias, "vars/2": partMean, "vars/3": partVariance}

// kerasWord is the last word of a name made by Keras 1 or 2, such as block1_conv1_W_1:0.
var kerasWord = lazy.Regexp(`_([Wb])(?:_\d+)?(?::0)?$`)

// partOf interprets what follows a layer's name. keras says that only Keras writes such names.
func partOf(rest string) (p part, keras, ok bool) {
	if p, ok = variables[strings.TrimPrefix(rest, "/")]; ok {
		return p, true, true
	}
	if slash := strings.LastIndexByte(rest, '/'); slash >= 0 {
		word := rest[slash+1:]
		bare := strings.TrimSuffix(word, ":0")
		if p, ok = parts[bare]; ok {
			return p, bare != word || strings.HasSuffix(bare, "kernel"), true
		}
		if m := kerasWord().FindStringSubmatch(word); m != nil {
			return parts[m[1]], true, true
		}
		return "", false, false
	}
	p, ok = parts[strings.TrimPrefix(strings.TrimLeft(rest[:1], "._-")+rest[1:], "conv.")]
	return p, false, ok
}

// read takes a name apart; ok is false if it belongs to another scheme.
func (p pattern) read(name string) (l label, ok bool) {
	match := p.names().FindStringSubmatch(name)
	if match == nil {
		return l, false
	}
	l = label{scheme: p.scheme, numbering: p.numbering}
	for i, group := range p.names().SubexpNames() {
		if !l.take(group, match[i]) {
			return l, false
		}
	}
	switch {
	case p.numbering == byRole:
		l.class = ofDense
	case p.numbering == byBlock && l.class == ofAnyClass:
		l.class = ofConvolution
	}
	return l, true
}

// take notes what a pattern's group matched; ok is false if no layer or part has such a name.
func (l *label) take(group, text string) (ok bool) {
	switch group {
	case "prefix":
		l.prefix = text
	case "class":
		l.class = classes[text]
	case "rest":
		l.part, l.kerasParts, ok = partOf(text)
		return ok
	case "last":
		if text != "" {
			l.number = 8
		}
	default:
		return group == "" || text == "" || l.count(group, text)
	}
	return true
}

// count notes the layer's number, or a part of it, that a group matched.
func (l *label) count(group, text string) (ok bool) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return false
	}
	switch group {
	case "block":
		l.number += 10 * number
	case "index":
		l.number += number
	case "number":
		l.number = number
	case "first": // dense layers numbered from 1
		l.number = 5 + number
	case "zeroth":
		l.number = 6 + number
	case "third": // torchvision's modules 0, 3 and 6
		l.number = 6 + number/3
	}
	return true
}

// objectSuffix ends the names of variables in TensorFlow's object-based checkpoints.
const objectSuffix = "/.ATTRIBUTES/VARIABLE_VALUE"

// readName takes a tensor's name apart by the first scheme that recognizes it.
func readName(name string) (label, bool) {
	name = strings.TrimSuffix(name, objectSuffix)
	for _, p := range patterns {
		if l, ok := p.read(name); ok {
			return l, true
		}
	}
	return label{}, false
}
