package training

import (
	"fmt"

	"fovea/vgg"
)

// Names of the layers that Tail puts after a configuration's last pooling.
const (
	AverageLayer = "average"
	ScoresLayer  = "scores"
)

// Tail is the end of a configuration, from a block of convolutions (2 to 5) on, followed by an
// average of pool5 over height and width and a layer of logits. It is what is trained when the
// blocks before it stay frozen. Its examples are the outputs of the pooling before the block, whose
// name is the second result.
func Tail(c vgg.Configuration, block, classes int) (Network, string, error) {
	if block < 2 || block > len(c.Blocks) {
		return Network{}, "", fmt.Errorf("training: block %d of %s: use 2 to %d", block, c.Name, len(c.Blocks))
	}
	before := fmt.Sprintf("block%d_pool", block-1)
	var n Network
	layers := c.Layers(false)
	for i, l := range layers {
		if l.Name == before {
			n = Network{Name: fmt.Sprintf("%s from block %d on", c.Name, block), Input: l.Shape, Layers: layers[i+1:]}
		}
	}
	last := n.Layers[len(n.Layers)-1]
	channels := last.Shape[len(last.Shape)-1]
	n.Layers = append(n.Layers[:len(n.Layers):len(n.Layers)],
		vgg.Layer{Name: AverageLayer, Kind: vgg.KindAverage, Shape: []int{channels}},
		vgg.Layer{Name: ScoresLayer, Kind: vgg.KindDense, Shape: []int{classes}, Kernel: []int{channels, classes}})
	return n, before, n.validate()
}
