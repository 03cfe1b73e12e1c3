package labeltable

import "testing"

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
