package vgg

import (
	"strings"
	"testing"

	"fovea/vgg/imagenet"
)

// With several GPUs each session's graph is placed on its own: all of it, or TensorFlow
// would put the rest on the first.
func TestGraphIsPlaced(t *testing.T) {
	c, err := ByName("vgg16")
	if err != nil {
		t.Fatal(err)
	}
	set, err := imagenet.VGG16()
	if err != nil {
		t.Fatal(err)
	}
	for placement, want := range map[string]string{"/device:GPU:1": "/device:GPU:1", "": ""} {
		b := &builder{placement: placement}
		_, err := c.graph(set, b)
		if err != nil {
			t.Fatal(err)
		}
		graph, err := b.root.Finalize()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range graph.Operations() {
			if got := o.Device(); !strings.EqualFold(got, want) {
				t.Errorf("placed on %q: operation %s is on %q", placement, o.Name(), got)
			}
		}
	}
}
