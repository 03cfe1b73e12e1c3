package vgg

import (
	"fmt"
	"slices"
	"strings"

	"fovea/vgg/weights"
)

// Guess returns the configuration that the weights belong to. A-LRN cannot be told from A, which is
// returned.
func Guess(set weights.Set) (Configuration, error) {
	f, err := readFile(set)
	if err != nil {
		return Configuration{}, err
	}
	b, err := f.findBase()
	if err != nil {
		return Configuration{}, err
	}
	for _, c := range Configurations {
		if slices.Equal(c.shapes(), f.shapes(b)) {
			return c, nil
		}
	}
	return Configuration{}, f.nearest(b)
}

// shapes are the kernels of the configuration in the order of computation.
func (c Configuration) shapes() []kernelShape {
	var all []kernelShape
	for _, l := range c.convolutions() {
		all = append(all, kernelShape{l.Kernel[0], l.Kernel[2], l.Kernel[3]})
	}
	return all
}

func (c Configuration) convolutions() []Layer {
	return slices.DeleteFunc(c.Layers(false), func(l Layer) bool { return l.Kind != KindConvolution })
}

// misfit says why the weights do not fit the configuration c.
func (f *file) misfit(c Configuration, b base) error {
	for _, other := range Configurations {
		if slices.Equal(other.shapes(), f.shapes(b)) {
			return fmt.Errorf("vgg: these are the weights of %s, not of %s: import them as %s (%s)", other.Name, c.Name, other.Name, f.difference(c, b))
		}
	}
	return f.nearest(b)
}

// nearest names the configuration closest to weights that fit none.
func (f *file) nearest(b base) error {
	best, least := Configurations[0], -1
	for _, c := range Configurations {
		missing, surplus := compare(c.shapes(), f.shapes(b))
		if n := len(missing) + len(surplus); least < 0 || n < least {
			best, least = c, n
		}
	}
	return fmt.Errorf("vgg: the weights' %d convolutions fit no VGG: %s is closest, but %s", len(b.convolutions), best.Name, f.difference(best, b))
}

// difference lists the layers of a configuration that the weights lack, and those they have in
// excess.
func (f *file) difference(c Configuration, b base) string {
	missing, surplus := compare(c.shapes(), f.shapes(b))
	var said []string
	if len(missing) > 0 {
		var names []string
		layers := c.convolutions()
		for _, i := range missing {
			names = append(names, fmt.Sprintf("%s %v", layers[i].Name, layers[i].Kernel))
		}
		said = append(said, fmt.Sprintf("%s also needs %s", c.Name, some(names)))
	}
	if len(surplus) > 0 {
		var names []string
		for _, i := range surplus {
			names = append(names, fmt.Sprintf("%s %v", b.convolutions[i].name(), f.kernel(b.convolutions[i]).Shape))
		}
		said = append(said, fmt.Sprintf("%s has no place for %s", c.Name, some(names)))
	}
	return strings.Join(said, ", and ")
}

// compare finds the longest common subsequence of two networks, and the positions of what is not in
// it: missing or in excess.
func compare(needed, there []kernelShape) (missing, surplus []int) {
	common := make([][]int, len(needed)+1)
	for i := range common {
		common[i] = make([]int, len(there)+1)
	}
	for i := len(needed) - 1; i >= 0; i-- {
		for j := len(there) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if needed[i] == there[j] {
				common[i][j] = 1 + common[i+1][j+1]
			}
		}
	}
	i, j := 0, 0
	for i < len(needed) || j < len(there) {
		switch {
		case i < len(needed) && j < len(there) && needed[i] == there[j]:
			i, j = i+1, j+1
		case j == len(there) || i < len(needed) && common[i+1][j] >= common[i][j+1]:
			missing, i = append(missing, i), i+1
		default:
			surplus, j = append(surplus, j), j+1
		}
	}
	return missing, surplus
}

// checkPlaces compares what the names say about the convolutions' positions with the configuration:
// a pooling in another position does not show in any shape.
func (f *file) checkPlaces(c Configuration, b base) error {
	if b.numbering != byBlock && !b.countsModules() {
		return nil
	}
	var wanted []int
	index := 0
	for _, l := range c.Layers(false) {
		var block, place int
		switch {
		case l.Kind != KindConvolution:
			index++
			continue
		case b.numbering == byBlock:
			if _, err := fmt.Sscanf(l.Name, "block%d_conv%d", &block, &place); err != nil {
				return fmt.Errorf("vgg: layer %s has no position: %w", l.Name, err)
			}
			wanted = append(wanted, 10*block+place)
		default:
			wanted = append(wanted, index)
			index += b.step()
		}
	}
	for i, m := range b.convolutions {
		if m.number != wanted[i] {
			return fmt.Errorf("vgg: %s is not where %s has it: convolution %d has number %d there. The network pools or normalizes in other places: export it as a SavedModel", m.name(), c.Name, i+1, wanted[i])
		}
	}
	return nil
}
