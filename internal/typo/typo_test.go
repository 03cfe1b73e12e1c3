package typo

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	commands := []string{"train", "evaluate", "report", "predict", "serve", "export", "scratch", "compare"}
	layers := []string{"block1_conv1", "block1_conv2", "pool5", "fc6", "fc7", "softmax"}
	for _, test := range []struct {
		name       string
		candidates []string
		want       string
	}{
		{"trian", commands, "train"},
		{"Train", commands, "train"},
		{"evalute", commands, "evaluate"},
		{"exprot", commands, "export"},
		{"eval", commands, "evaluate"},
		{"dance", commands, ""},
		{"", commands, ""},
		{"block1conv1", layers, "block1_conv1"},
		{"pol5", layers, "pool5"},
		{"f7", layers, "fc7"},
		{"cf7", layers, "fc7"},
		{"cta", []string{"dog", "cat"}, "cat"},
		{"fc8", layers, "fc6"},
		{"x", layers, ""},
		{"block1", layers, ""}, // the beginning of two
		{"pool5", nil, ""},
		{strings.Repeat("x", 100_000_000), commands, ""}, // which is not compared letter by letter
		{"pool", []string{strings.Repeat("x", 100_000_000), "pool5"}, "pool5"},
		{"\u212a\u212a\u212a\u212a\u212a\u212a\u212a\u212a", []string{"kkkkkkkk"}, "kkkkkkkk"}, // letters of other lengths in lower case
		{"\U00010400\U00010400xyz", []string{"xyz"}, "xyz"},
	} {
		if got := Nearest(test.name, test.candidates); got != test.want {
			t.Errorf("%q means %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("pol5", []string{"pool5"}), " (did you mean pool5?)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Hint("resnet", []string{"pool5"}); got != "" {
		t.Errorf("got %q for a name that is like none", got)
	}
}
