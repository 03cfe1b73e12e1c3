package vgg

import (
	"fmt"
	"strconv"
	"strings"

	"fovea/vgg/weights"
)

// torchStep is the number of modules per convolution in torchvision's sequences without batch
// normalization: the convolution and its rectifier.
const torchStep = 2

// modulesKey is the metadata key of another number: 3 with batch normalization, 1 where one module
// comprises all of them.
const modulesKey = "modules"

// moduleStep is the number of modules per convolution in the sequence that the weights came from.
func moduleStep(set weights.Set) int {
	if step, err := strconv.Atoi(set.Metadata[modulesKey]); err == nil && step >= 1 && step <= 3 {
		return step
	}
	return torchStep
}

// publishedAliases are the names that users of Caffe and torchvision know a layer by: its output
// before and after the rectifier. step is that of moduleStep.
func (c Configuration) publishedAliases(step int) (before, after map[string][]string) {
	before, after = map[string][]string{}, map[string][]string{}
	module := func(index int) string { return "features." + strconv.Itoa(index) }
	index := 0
	for _, l := range c.Layers(false) {
		number := strings.TrimPrefix(strings.Replace(l.Name, "_conv", "_", 1), "block")
		switch l.Kind {
		case KindConvolution:
			if step > 1 { // the convolution itself, or its normalization
				before[l.Name] = []string{module(index + step - 2)}
			}
			after[l.Name] = []string{"conv" + number, "relu" + number, module(index + step - 1)}
			index += step
		case KindMaxPool, KindLRN:
			after[l.Name] = []string{module(index)}
			index++
		}
	}
	for i, layer := range denseLayers {
		if layer == "fc8" {
			after[layer] = []string{"classifier.6"}
			continue
		}
		before[layer] = []string{fmt.Sprintf("classifier.%d", 3*i)}
		after[layer] = []string{"relu" + layer[2:], fmt.Sprintf("classifier.%d", 3*i+1)}
	}
	after["softmax"] = []string{"prob"}
	return before, after
}
