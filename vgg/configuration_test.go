package vgg

import (
	"slices"
	"testing"
)

// The numbers of parameters in millions are those of the paper's table 2; the exact ones
// follow from its table 1 by hand, and for D and E equal Keras's model.summary().
func TestParameters(t *testing.T) {
	exact := map[string]int{"vgg16": 138_357_544, "vgg19": 143_667_240}
	base := map[string]int{"vgg16": 14_714_688, "vgg19": 20_024_384}
	for name, millions := range map[string]int{
		"vgg-a": 133, "vgg-a-lrn": 133, "vgg-b": 133, "vgg-c": 134, "vgg16": 138, "vgg19": 144,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ByName(name)
			if err != nil {
				t.Fatal(err)
			}
			count := c.Parameters(true)
			if got := (count + 500_000) / 1_000_000; got != millions {
				t.Errorf("%d parameters, that is %d million, want %d million", count, got, millions)
			}
			if want := exact[name]; want != 0 && count != want {
				t.Errorf("%d parameters, want %d", count, want)
			}
			if want := base[name]; want != 0 && c.Parameters(false) != want {
				t.Errorf("%d parameters without the dense layers, want %d", c.Parameters(false), want)
			}
		})
	}
}

func TestByName(t *testing.T) {
	for alias, want := range map[string]string{"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg-d": "D", "vgg19": "E"} {
		if c, err := ByName(alias); err != nil || c.Letter != want {
			t.Errorf("ByName(%q) = configuration %s, %v; want %s", alias, c.Letter, err, want)
		}
	}
	if _, err := ByName("vgg17"); err == nil {
		t.Error("ByName(vgg17) found a configuration")
	}
}

// The number of weight layers names the networks: 11, 11, 13, 16, 16, 19.
func TestDepth(t *testing.T) {
	want := []int{11, 11, 13, 16, 16, 19}
	for i, c := range Configurations {
		depth := 0
		for _, l := range c.Layers(true) {
			if l.Kernel != nil {
				depth++
			}
		}
		if depth != want[i] {
			t.Errorf("configuration %s has %d weight layers, want %d", c.Letter, depth, want[i])
		}
	}
}

func TestLayerShapes(t *testing.T) {
	c, _ := ByName("vgg16")
	layers := c.Layers(true)
	for name, want := range map[string][]int{
		"block1_conv1": {224, 224, 64}, "block1_pool": {112, 112, 64}, "block4_conv3": {28, 28, 512},
		"pool5": {7, 7, 512}, "flatten": {25088}, "fc6": {4096}, "fc7": {4096}, "fc8": {1000}, "softmax": {1000},
	} {
		i := slices.IndexFunc(layers, func(l Layer) bool { return l.Name == name })
		if i < 0 {
			t.Errorf("there is no layer %s", name)
		} else if !slices.Equal(layers[i].Shape, want) {
			t.Errorf("layer %s has shape %v, want %v", name, layers[i].Shape, want)
		}
	}
}
