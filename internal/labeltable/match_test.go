package labeltable

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Rows are found by paths that differ in one way for all pictures.
func TestMatch(t *testing.T) {
	for name, test := range map[string]struct {
		options, table string
		pictures       []string
		labels         []string
		how            string
	}{
		"same":            {"", "a.jpg,x\nb/a.jpg,y\n", []string{"b/a.jpg", "a.jpg"}, []string{"y", "x"}, ""},
		"more rows":       {"", "a.jpg,x\nb.jpg,y\n", []string{"b.jpg"}, []string{"y"}, ""},
		"backslashes":     {"", "b\\a.jpg,x\n", []string{"b/a.jpg"}, []string{"x"}, `with / for \`},
		"a name with one": {"", "b\\a.jpg,x\n", []string{"b\\a.jpg"}, []string{"x"}, ""},
		"NFD":             {"", "a\u0308.jpg,x\nb.jpg,y\n", []string{"\u00e4.jpg", "b.jpg"}, []string{"x", "y"}, "with letters composed by Unicode's NFC"},
		"NFC":             {"", "\u00e4.jpg,x\n", []string{"a\u0308.jpg"}, []string{"x"}, "with letters composed by Unicode's NFC"},
		"both forms":      {"", "\u00e4.jpg,x\na\u0308.jpg,y\n", []string{"a\u0308.jpg", "\u00e4.jpg"}, []string{"y", "x"}, ""},
		"folder":          {"", "p/q/a.jpg,x\np/q/b/c.jpg,y\n", []string{"a.jpg", "b/c.jpg"}, []string{"x", "y"}, "without the folder p/q/ of its paths"},
		"root":            {"", "/a.jpg,x\n", []string{"a.jpg"}, []string{"x"}, "without the folder / of its paths"},
		"drive":           {"", "C:\\p\\a.jpg,x\n", []string{"a.jpg"}, []string{"x"}, `without the folder C:/p/ of its paths, with / for \`},
		"one of folders":  {"", "p/a.jpg,x\nq/a.jpg,y\nq/b.jpg,z\n", []string{"a.jpg", "b.jpg"}, []string{"y", "z"}, "without the folder q/ of its paths"},
		"names":           {"", "a.jpg,x\nb.jpg,y\n", []string{"part1/a.jpg", "part2/b.jpg"}, []string{"x", "y"}, "without the folders of the images"},
		"archives":        {"", "d/a.jpg,x\nd/b.jpg,y\n", []string{"1.tar/d/a.jpg", "2.tar/d/b.jpg"}, []string{"x", "y"}, "without the folders of the images"},
		"stems":           {"", "id,label\na,x\nb,y\n", []string{"a.jpg", "b.PNG"}, []string{"x", "y"}, "without the images' extensions"},
		"stems of dots":   {"", "id,label\na.1,x\n", []string{"a.1.jpg"}, []string{"x"}, "without the images' extensions"},
		"stems below":     {"", "id,label\na,x\n", []string{"train/a.jpg"}, []string{"x"}, "without the folders of the images, without the images' extensions"},
		"folder of stems": {"", "id,label\np/a,x\n", []string{"a.jpg"}, []string{"x"}, "without the folder p/ of its paths, without the images' extensions"},
		"cp1252 names":    {"encoding=cp1252", "k\xe4se.jpg,\xe4\n", []string{"k\xe4se.jpg"}, []string{"ä"}, "with the images' names read as windows-1252"},
		"bytes":           {"", "k\xe4se.jpg,x\n", []string{"k\xe4se.jpg"}, []string{"x"}, ""},
		"spelled":         {"", "k%E4se.jpg,x\n", []string{"k\xe4se.jpg"}, []string{"x"}, ""},
		"blanks":          {"", "cat, a.jpg\ndog,  b.jpg \n", []string{"a.jpg", "b.jpg"}, []string{"cat", "dog"}, "without the blanks around them"},
		"names in blanks": {"", " a.jpg,x\na.jpg,y\n", []string{"a.jpg", " a.jpg"}, []string{"y", "x"}, ""},
		"agreeing":        {"", "a.jpg,x\nb//../a.jpg,x\nb.jpg,y\n", []string{"a.jpg", "b.jpg"}, []string{"x", "y"}, ""},
		"dots":            {"", "./a//b.jpg,x\n", []string{"a/b.jpg"}, []string{"x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := read(t, test.options, test.table)
			if err != nil {
				t.Fatal(err)
			}
			got, err := table.Match(test.pictures, nil)
			if err != nil {
				t.Fatal(err)
			}
			labels := make([]string, len(got.Labels))
			for i, l := range got.Labels {
				labels[i] = l.Label
			}
			if !slices.Equal(labels, test.labels) || got.How != test.how || slices.Contains(got.Found, false) {
				t.Errorf("labels are %q (%s), want %q (%s)", labels, got.How, test.labels, test.how)
			}
		})
	}
}

// What could be meant in two ways is refused, and a picture without a row is told the nearest, and why it is not its.
func TestMatchRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		table    string
		pictures []string
		want     string
	}{
		"case":              {"x/A.jpg,x\nb.jpg,y\n", []string{"x/a.jpg", "b.jpg"}, `labels.csv lacks 1 of 2 images, the first is x/a.jpg: the nearest row is "x/A.jpg" (line 1), which differs in letter case`},
		"extension":         {"a.png,x\nb.jpg,y\n", []string{"a.jpg", "b.jpg"}, `the nearest row is "a.png" (line 1), which has another extension`},
		"no extension":      {"path,label\na,x\nb.jpg,y\n", []string{"a.jpg", "b.jpg"}, `"a" (line 2), which has no extension`},
		"case of it":        {"a.JPG,x\nb.jpg,y\n", []string{"a.jpg", "b.jpg"}, "differs in letter case"},
		"folder":            {"y/a.jpg,x\nb.jpg,y\n", []string{"x/a.jpg", "b.jpg"}, `"y/a.jpg" (line 1), which is in another folder: write the paths as they are below the IMAGES argument, or give another argument`},
		"folder and case":   {"y/A.png,x\nb.jpg,y\n", []string{"x/a.jpg", "b.jpg"}, "which is in another folder and differs in letter case"},
		"blank":             {"a .jpg,x\nb.jpg,y\n", []string{"a.jpg", "b.jpg"}, `"a .jpg" (line 1), which has blanks in it`},
		"a blank for two":   {"a.jpg,x\nb.jpg ,y\n", []string{"a.jpg", "b.jpg", " b.jpg"}, "the row of b.jpg  could mean b.jpg or  b.jpg"},
		"blank and label":   {"a.jpg,x\na.jpg ,y\n", []string{"a.jpg"}, `line 2 labels "a.jpg " as "y", but line 1 labels this image, a.jpg, as "x": keep one of them`},
		"a detour":          {"b/a.jpg,x\nb/../b/a.jpg,y\n", []string{"b/a.jpg"}, `line 2 labels "b/../b/a.jpg" as "y", but line 1 labels this image, b/a.jpg, as "x"`},
		"two slashes":       {"b/a.jpg,x\nb//a.jpg,y\n", []string{"b/a.jpg"}, `keep one of them`},
		"a backslash":       {"b/a.jpg,x\nb\\a.jpg,y\n", []string{"b/a.jpg"}, `keep one of them`},
		"a slash before":    {"b/a.jpg,x\n/b/a.jpg,y\n", []string{"b/a.jpg"}, `keep one of them`},
		"composed, too":     {"\u00e4.jpg,x\na\u0308.jpg,y\n", []string{"\u00e4.jpg"}, `keep one of them`},
		"spelled, too":      {"caf\xe9.jpg,x\ncaf%E9.jpg,y\n", []string{"caf\xe9.jpg"}, `keep one of them`},
		"below and bare":    {"q/a.jpg,x\na.jpg,y\nq/b.jpg,y\n", []string{"a.jpg", "b.jpg"}, `line 2 labels "a.jpg" as "y", but line 1 labels this image, a.jpg, as "x"`},
		"another split":     {"path,label,split\na.jpg,x,train\n./b/../a.jpg,x,test\n", []string{"a.jpg"}, `as "x" (test), but line 2 labels this image, a.jpg, as "x" (train)`},
		"blanks and labels": {"a.jpg,x\na.jpg ,y\nB,z\n", []string{"a.jpg", "b.jpg"}, `keep one of them`},
		"letters":           {"protrait.jpg,x\nb.jpg,y\n", []string{"portrait.jpg", "b.jpg"}, `"protrait.jpg" (line 1), which has other letters`},
		"nothing like it":   {"zzzzzz.jpg,x\n", []string{"a.jpg"}, `no row is like it, and the table begins with "zzzzzz.jpg" (line 1): add a row a.jpg,LABEL for each`},
		"no rows":           {"path,label\n", []string{"a.jpg"}, "the table has no rows"},
		"below a folder":    {"p/a.jpg,x\np/B.jpg,y\np/c.jpg,x\n", []string{"a.jpg", "b.jpg", "c.jpg"}, `lacks 1 of 3 images (without the folder p/ of its paths), the first is b.jpg: the nearest row is "p/B.jpg" (line 2), which differs in letter case`},
		"two folders":       {"p/a.jpg,x\nq/a.jpg,y\n", []string{"a.jpg"}, "labels.csv has all 1 images below p/ and below q/: give the folder above as the IMAGES argument"},
		"a name for two":    {"a.jpg,x\n", []string{"p/a.jpg", "q/a.jpg"}, "line 1: the row of a.jpg could mean p/a.jpg or q/a.jpg"},
		"a stem for two":    {"id,label\na,x\n", []string{"a.jpg", "a.png"}, "line 2: the row of a could mean a.jpg or a.png"},
		"two rows for one":  {"q/a.jpg,x\na.jpg,y\n", []string{"p/q/a.jpg"}, "the rows of q/a.jpg and a.jpg could both mean p/q/a.jpg"},
		"forms":             {"\u00e4.jpg,x\na\u0308.jpg,y\n", []string{"\u00e4.jpg", "c\u0327.jpg"}, "which is the same path: keep one of them"},
		"slashes":           {"p\\a.jpg,x\n./p//a.jpg,y\n", []string{"p/a.jpg"}, "which is the same path: keep one of them"},
		"spelling":          {"caf%E9.jpg,x\n", []string{"caf%E9.jpg", "caf\xe9.jpg"}, "the row of caf%E9.jpg could mean this picture or"},
		"some, absolute":    {"/d/photos/y/b.jpg,x\n/d/photos/gone.jpg,x\n", []string{"x/a.jpg", "y/b.jpg"}, `lacks 2 of 2 images, the first is x/a.jpg: no row is this one's, but row "/d/photos/y/b.jpg" (line 1) is y/b.jpg below the folder /d/photos/: write the paths without that folder`},
		"of equal names":    {"/d/y/a.jpg,x\n", []string{"x/a.jpg", "y/a.jpg"}, `but row "/d/y/a.jpg" (line 1) is y/a.jpg below the folder /d/`},
		"partly":            {"a.jpg,x\n", []string{"a.jpg", "new/a.jpg"}, `lacks 1 of 2 images, the first is new/a.jpg: the nearest row is "a.jpg" (line 1), which is in another folder`},
	} {
		t.Run(name, func(t *testing.T) {
			table, err := read(t, "", test.table)
			if err != nil {
				t.Fatal(err)
			}
			_, err = table.Match(test.pictures, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "labels.csv") {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// Rows of pictures that are not demanded may lack, and only those without a row are asked for.
func TestMatchDemands(t *testing.T) {
	table, err := read(t, "", "a.jpg,x\nb.jpg,y\n")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	got, err := table.Match([]string{"a.jpg", "broken.jpg", "b.jpg"}, func(i int) bool { asked++; return i != 1 })
	if err != nil || asked != 1 || !slices.Equal(got.Found, []bool{true, false, true}) {
		t.Errorf("found %v, %v, after %d questions", got.Found, err, asked)
	}
	_, err = table.Match([]string{"a.jpg", "broken.jpg", "c.jpg"}, func(i int) bool { return i != 1 })
	var missing *Missing
	if !errors.As(err, &missing) || missing.First != "c.jpg" {
		t.Errorf("the error is %v", err)
	}
}

// Frames and tiles have the path of their file, and its row.
func TestMatchParts(t *testing.T) {
	table, err := read(t, "", "a.gif,x\nb.gif,y\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.Match([]string{"p/a.gif", "p/a.gif", "q/b.gif", "p/a.gif"}, nil)
	if err != nil || !slices.Equal(got.Lines, []int{1, 1, 2, 1}) {
		t.Errorf("the lines are %v, %v", got.Lines, err)
	}
	_, err = table.Match([]string{"p/a.gif", "p/a.gif", "q/c.gif"}, nil)
	var missing *Missing
	if !errors.As(err, &missing) || missing.First != "q/c.gif" {
		t.Errorf("the error is %v", err)
	}
}

func BenchmarkMatch(b *testing.B) {
	var text strings.Builder
	var pictures []string
	for i := range 200_000 {
		fmt.Fprintf(&text, "/data/photos\\%04d\\%07d.jpg,class %d\n", i%1000, i, i%1000)
		pictures = append(pictures, fmt.Sprintf("%04d/%07d.jpg", i%1000, i))
	}
	for b.Loop() {
		table, err := Options{}.Read(strings.NewReader(text.String()), "labels.csv", isPicture, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := table.Match(pictures, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// Some pictures may have no row where the caller knows what to do with them.
func TestMatchSome(t *testing.T) {
	table, err := read(t, "", "p\\a.jpg,x\np\\b.jpg,y\n")
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.MatchSome([]string{"a.jpg", "b.jpg", "c.jpg"})
	if err != nil || !slices.Equal(got.Found, []bool{true, true, false}) || got.Labels[1].Label != "y" {
		t.Errorf("found %v with %v, %v", got.Found, got.Labels, err)
	}
	if got, err := table.MatchSome([]string{"c.jpg"}); err != nil || got.Found[0] {
		t.Errorf("found %v, %v for a picture without a row", got.Found, err)
	}
	if table, err = read(t, "", "a.jpg,x\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := table.MatchSome([]string{"p/a.jpg", "q/a.jpg"}); err == nil || !strings.Contains(err.Error(), "could mean") {
		t.Errorf("a row for two pictures: %v", err)
	}
}
