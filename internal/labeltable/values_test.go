package labeltable

import (
	"slices"
	"strings"
	"testing"
)

// Labels and splits are the same with and without blanks around them, and a first row
// of a picture is no heading even if its label is a word for one.
func TestReadsValues(t *testing.T) {
	for name, test := range map[string]struct{ options, text, label, split string }{
		"split":            {"", "a.jpg, cat, test\n", "cat", "test"},
		"blanks within":    {"", "a.jpg, big  cat \n", "big  cat", ""},
		"of classes":       {"classes=" + golden + "/names.json", "a.jpg, n01440764\n", "tench", ""},
		"comma in quotes":  {"", "a.jpg, \"cat, big\"\n", "cat, big", ""},
		"quotes in quotes": {"", "a.jpg,\"a, \"\"b\"\"\"\n", `a, "b"`, ""},
		"empty":            {"", "a.jpg, , test\n", "", "test"},
		"empty, of tabs":   {"", "a.jpg\t\ttest\n", "", "test"},
		"label":            {"", "a.jpg,label\nb.jpg,class\n", "label", ""},
		"class y":          {"", "a.jpg,y\nb.jpg,n\n", "y", ""},
		"a key":            {"", "key,a.jpg\nring,b.jpg\n", "key", ""},
		"split of words":   {"", "a.jpg,tag,set\n", "tag", "set"},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := read(t, test.options, test.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := table.Match([]string{"a.jpg"}, nil)
			if err != nil || got.Labels[0] != (Label{test.label, test.split}) {
				t.Errorf("it is %v, %v, want %v (%s)", got.Labels, err, Label{test.label, test.split}, table)
			}
		})
	}
}

// A label with blanks around it that the images have means itself.
func TestReadsKnownValues(t *testing.T) {
	o := Options{Known: func(label string) bool { return label == "cat " || label == "caf\xe9 " }}
	table, err := o.Read(strings.NewReader("a.jpg,\"cat \"\nb.jpg, cat\nc.jpg,dog \nd.jpg,caf%E9 \n"), "labels.csv", isPicture, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Match([]string{"a.jpg", "b.jpg", "c.jpg", "d.jpg"}, nil)
	if want := []Label{{Label: "cat "}, {Label: "cat"}, {Label: "dog"}, {Label: "caf\xe9 "}}; err != nil || !slices.Equal(got.Labels, want) {
		t.Errorf("labels are %q, %v, want %q", got.Labels, err, want)
	}
}
