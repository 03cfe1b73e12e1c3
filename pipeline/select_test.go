package pipeline

import (
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
			t.Errorf("part %d has %d of %d images", part, len(got), len(items))
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
		t.Errorf("the parts have %d of %d images", len(seen), len(items))
	}
}

func TestListPaths(t *testing.T) {
	for list, want := range map[string][]string{
		"b.jpg\nx/a.jpg\r\n\n./b.jpg\n":  {"b.jpg", "x/a.jpg"},
		"line\nbreak.jpg\x00/abs/a.jpg":  {"abs/a.jpg", "line\nbreak.jpg"},
		"only.jpg":                       {"only.jpg"},
		"\ufeffmarked.jpg\n":             {"marked.jpg"},
		"../up.jpg\x00spaces in it .jpg": {"../up.jpg", "spaces in it .jpg"},
	} {
		listing, err := Finder{}.ListPaths(t.Context(), strings.NewReader(list), nil)
		var got []string
		for _, item := range listing.Items {
			got = append(got, item.Path)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q lists %q, %v", list, got, err)
		}
	}
	if _, err := (Finder{}).ListPaths(t.Context(), strings.NewReader("\n"), nil); !errors.Is(err, ErrNoPictures) {
		t.Errorf("an empty list gives %v", err)
	}
}

// One file counts once however it is written; two never share a row.
func TestListPathsTwice(t *testing.T) {
	listing, err := Finder{}.ListPaths(t.Context(), strings.NewReader("a/x.png\n./a/x.png\na//x.png\nb/../a/x.png\n/a/./y.png\n/a/y.png"), nil)
	if err != nil || joined(listing.Items) != "a/x.png a/y.png" {
		t.Errorf("listed are %q, %v", joined(listing.Items), err)
	}
	_, err = Finder{}.ListPaths(t.Context(), strings.NewReader("/a/x.png\na/y.png\na/x.png"), nil)
	if err == nil || !strings.Contains(err.Error(), "/a/x.png and a/x.png") {
		t.Errorf("two files of one path give %v", err)
	}
	t.Chdir("/")
	if listing, err := (Finder{}).ListPaths(t.Context(), strings.NewReader("/a/x.png\na/x.png"), nil); err != nil || len(listing.Items) != 1 {
		t.Errorf("one file, written in two ways, gives %q, %v", joined(listing.Items), err)
	}
}

// Pictures of one name in an archive are told apart by numbers, which patterns and labels do not see.
func TestNumberedNames(t *testing.T) {
	png := string(greyStore(t, 1).files["000.png"])
	s := &fakeStore{files: map[string][]byte{"x.tar": tarOf(t, tarMember{name: "a.png", content: png}, tarMember{name: "a.png", content: png}, tarMember{name: "b", content: png}, tarMember{name: "b", content: png}, tarMember{name: "c.png#2", content: png})}}
	items := s.list(t, LabelFunc(PrefixLabel)).Items
	if got := pathsAndLabels(items); !slices.Equal(got, []string{"x.tar/a.png=a", "x.tar/a.png#2=a", "x.tar/b=b", "x.tar/b#2=b", "x.tar/c.png#2=c"}) {
		t.Errorf("listed are %q", got)
	}
	for _, test := range []struct {
		selection Selection
		want      string
	}{
		{Selection{Include: []string{"*.png"}}, "x.tar/a.png x.tar/a.png#2"},
		{Selection{Exclude: []string{"x.tar/a.png", "c*"}}, "x.tar/b x.tar/b#2"},
		{Selection{Include: []string{"b"}}, "x.tar/b x.tar/b#2"},
		{Selection{Include: []string{"*#2"}}, "x.tar/a.png#2 x.tar/b#2 x.tar/c.png#2"},
	} {
		if got := joined(test.selection.Apply(items)); got != test.want {
			t.Errorf("%+v selects %q, want %q", test.selection, got, test.want)
		}
	}
}
