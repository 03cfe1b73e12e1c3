package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func named(paths ...string) []Item {
	items := make([]Item, len(paths))
	for i, p := range paths {
		items[i].Path = p
	}
	return items
}

func joined(items []Item) string {
	var all []string
	for _, item := range items {
		all = append(all, item.Path)
	}
	return strings.Join(all, " ")
}

func TestSelection(t *testing.T) {
	items := named("a.jpg", "b.png", "x/a.jpg", "x/y/c.jpg", "x/y/d.JPG")
	for _, test := range []struct {
		selection Selection
		want      string
	}{
		{Selection{}, "a.jpg b.png x/a.jpg x/y/c.jpg x/y/d.JPG"},
		{Selection{Include: []string{"*.jpg"}}, "a.jpg x/a.jpg x/y/c.jpg"},
		{Selection{Include: []string{"x/*"}}, "x/a.jpg"},
		{Selection{Include: []string{"x/**"}}, "x/a.jpg x/y/c.jpg x/y/d.JPG"},
		{Selection{Include: []string{"**/y/*.{jpg,JPG}", "b.*"}}, "b.png x/y/c.jpg x/y/d.JPG"},
		{Selection{Exclude: []string{"a.*", "x/y/d.JPG"}}, "b.png x/y/c.jpg"},
		{Selection{Include: []string{"*.jpg"}, Exclude: []string{"/x/y/**"}}, "a.jpg x/a.jpg"},
		{Selection{Include: []string{"*.gif"}}, ""},
		{Selection{Limit: 2}, "a.jpg b.png"},
		{Selection{Limit: 9}, "a.jpg b.png x/a.jpg x/y/c.jpg x/y/d.JPG"},
		{Selection{Exclude: []string{"a.jpg"}, Limit: 1}, "b.png"},
	} {
		if err := test.selection.Validate(); err != nil {
			t.Errorf("%+v: %v", test.selection, err)
		}
		if got := joined(test.selection.Apply(items)); got != test.want {
			t.Errorf("%+v selects %q, want %q", test.selection, got, test.want)
		}
	}
	for want, s := range map[string]Selection{
		`pattern "x["`: {Include: []string{"x["}}, "part 3 of 3": {Part: 3, Parts: 3},
		"part -1": {Part: -1, Parts: 2}, "sample of -1": {Sample: -1}, "limit of -1": {Limit: -1},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error is %v, want one with %q", s, err, want)
		}
	}
}

// The parts are disjoint, complete, about equal, and do not depend on the other pictures.
func TestSelectionParts(t *testing.T) {
	const parts = 4
	var items []Item
	for i := range 4000 {
		items = append(items, Item{Path: fmt.Sprintf("dir/%d.jpg", i)})
	}
	seen := map[string]bool{}
	for part := range parts {
		s := Selection{Part: part, Parts: parts}
		got := s.Apply(items)
		if len(got) < 900 || len(got) > 1100 {
			t.Errorf("part %d has %d of %d pictures", part, len(got), len(items))
		}
		for _, item := range got {
			if seen[item.Path] {
				t.Fatalf("%s is in two parts", item.Path)
			}
			seen[item.Path] = true
		}
		if alone := s.Apply(got[:1]); len(alone) != 1 {
			t.Errorf("%s leaves its part when it is alone", got[0].Path)
		}
	}
	if len(seen) != len(items) {
		t.Errorf("the parts have %d of %d pictures", len(seen), len(items))
	}
}

func TestListPaths(t *testing.T) {
	for list, want := range map[string][]string{
		"b.jpg\nx/a.jpg\r\n\n./b.jpg\n":  {"b.jpg", "x/a.jpg"},
		"line\nbreak.jpg\x00/abs/a.jpg":  {"abs/a.jpg", "line\nbreak.jpg"},
		"only.jpg":                       {"only.jpg"},
		"../up.jpg\x00spaces in it .jpg": {"../up.jpg", "spaces in it .jpg"},
	} {
		listing, err := ListPaths(context.Background(), strings.NewReader(list), nil)
		var got []string
		for _, item := range listing.Items {
			got = append(got, item.Path)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q lists %q, %v", list, got, err)
		}
	}
	if _, err := ListPaths(context.Background(), strings.NewReader("\n"), nil); !errors.Is(err, ErrNoPictures) {
		t.Errorf("an empty list gives %v", err)
	}
}
