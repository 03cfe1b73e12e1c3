package finetuning

import "testing"

func TestCrowded(t *testing.T) {
	labels := []string{"cat", "cat", "cat", "cat", "dog", "dog", "dog", "dog"}
	for want, groups := range map[string][]string{
		"":    {"a", "a", "b", "c", "d", "d", "e", "e"},
		"dog": {"a", "b", "c", "e", "d", "d", "d", "d"},
		"cat": {"a", "a", "a", "a", "b", "b", "b", "b"},
	} {
		if got := crowded(labels, groups); got != want {
			t.Errorf("groups %v crowd %q, want %q", groups, got, want)
		}
	}
}
