package inference

import "testing"

func TestTensorNames(t *testing.T) {
	for name, want := range map[string]struct {
		producer, node string
		index          int
		ok             bool
	}{
		"conv":    {"conv", "conv", 0, true},
		"conv:0":  {"conv", "conv", 0, true},
		"a/b:12":  {"a/b", "a/b", 12, true},
		"^conv":   {"conv", "^conv", 0, true},
		"conv:":   {"conv", "", 0, false},
		"conv:-1": {"conv", "", 0, false},
		"f:y:0":   {"f", "", 0, false},
	} {
		if got := Producer(name); got != want.producer {
			t.Errorf("the producer of %s is %q, want %q", name, got, want.producer)
		}
		node, index, err := ParseTensor(name)
		if node != want.node || index != want.index || (err == nil) != want.ok {
			t.Errorf("%s is output %d of %q, error %v; want %d of %q", name, index, node, err, want.index, want.node)
		}
	}
}
