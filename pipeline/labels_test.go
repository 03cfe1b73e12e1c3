package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Text is text as spreadsheets save it.
func utf16Text(text string, mark bool) string {
	var b strings.Builder
	if mark {
		b.WriteString("\xff\xfe")
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

// TestCSVRefuses: a table that is not what it should be is refused, with what to do.
func TestCSVRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"UTF-16":               {utf16Text("path,label\na.jpg,cat\n", true), "are UTF-16, not UTF-8"},
		"UTF-16 unmarked":      {utf16Text("path,label\na.jpg,cat\n", false), "are UTF-16, not UTF-8"},
		"spreadsheet":          {"PK\x03\x04\x14\x00", "are a spreadsheet"},
		"Latin-1 label":        {"path,label\na.jpg,caf\xe9\n", `line 2 has "caf\xe9", which is not UTF-8`},
		"Latin-1 split":        {"a.jpg,cat,\xe9\n", "line 1 has"},
		"semicolons":           {"path;label\na.jpg;cat\n", "line 1 has no comma, but semicolons"},
		"tabs":                 {"a.jpg\tcat\n", "line 1 has no comma, but tabs"},
		"old Mac":              {"path,label\ra.jpg,cat\r", "end with CR only"},
		"columns turned round": {"label,path\ncat,a.jpg\n", "line 1 names the columns label,path"},
		"split before label":   {"path,split,label\na.jpg,test,cat\n", "line 1 names the columns path,split,label"},
		"one field":            {"a.jpg\n", "line 1 has 1 fields"},
		"zero byte":            {"a.jpg,\"c\x00at\"\n", "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseCSVLabels(strings.NewReader(test.text), "labels.csv", nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "labels.csv") {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestCSVTakes reads tables as programs write them.
func TestCSVTakes(t *testing.T) {
	for name, text := range map[string]string{
		"plain": "path,label\na.jpg,cat\n", "no heading": "a.jpg,cat\n", "mark": "\ufeffpath,label\na.jpg,cat\n", "mark and quotes": "\ufeff\"path\",\"label\"\n\"a.jpg\",\"cat\"\n",
		"mark, no heading": "\ufeffa.jpg,cat\n", "CRLF": "path,label\r\na.jpg,cat\r\n", "capitals": "Path,Label,Split\na.jpg,cat,\n", "no end": "a.jpg,cat",
	} {
		t.Run(name, func(t *testing.T) {
			labels, err := parseCSVLabels(strings.NewReader(text), "labels.csv", nil)
			if err != nil || len(labels) != 1 || labels["a.jpg"].label != "cat" {
				t.Errorf("labels are %q, %v", labels, err)
			}
		})
	}
}

// TestCSVSpelling: rows may name pictures and labels by their bytes or as datasets show them.
func TestCSVSpelling(t *testing.T) {
	root := tree(t, map[string]string{"caf\xe9.jpg": "", "caf%E9.jpg": "", "100%.jpg": ""})
	for name, test := range map[string]struct {
		csv    string
		labels []string // of 100%, caf%E9, caf\xe9
		err    string
	}{
		"bytes":      {csv: "100%.jpg,a\ncaf%25E9.jpg,b\ncaf\xe9.jpg,c\n", labels: []string{"a", "b", "c"}},
		"as shown":   {csv: "100%.jpg,100%\ncaf%25E9.jpg,caf%25E9\ncaf%E9.jpg,caf%E9\n", err: "could mean"},
		"as named":   {csv: "100%.jpg,a\ncaf%E9.jpg,caf%25E9\ncaf\xe9.jpg,caf%E9\n", labels: []string{"a", "caf%E9", "caf\xe9"}},
		"left out":   {csv: "100%.jpg,a\ncaf%25E9.jpg,b\n", err: "the first is caf%E9.jpg: add a row caf%E9.jpg,LABEL"},
		"other case": {csv: "100%.JPG,a\n", err: "it has \"100%.JPG\", which looks alike"},
		"whole path": {csv: "/data/photos/100%.jpg,a\n", err: "write the paths as they are below the IMAGES argument"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "labels.csv")
			if err := os.WriteFile(file, []byte(test.csv), 0o644); err != nil {
				t.Fatal(err)
			}
			listing, err := List(context.Background(), []string{root}, CSVLabels{File: file})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error is %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range test.labels {
				if got := listing.Items[i].Label; got != want {
					t.Errorf("the label of %q is %q, want %q", listing.Items[i].Path, got, want)
				}
			}
		})
	}
}

// TestLabelDoubts: what nobody can have meant is refused, what hardly anybody has is doubted.
func TestLabelDoubts(t *testing.T) {
	items := func(labels ...string) []Item {
		var out []Item
		for _, l := range labels {
			out = append(out, Item{File: "x/" + l + ".jpg", Label: l}, Item{File: "y.jpg", Label: l})
		}
		return out
	}
	for name, test := range map[string]struct {
		labels []string
		doubts []string
		err    string
	}{
		"ordinary":      {labels: []string{"cat", "dog", "", "caf\u00e9", "100%", "a b"}},
		"zero byte":     {labels: []string{"cat", "d\x00og"}, err: "contains zero bytes"},
		"a text":        {labels: []string{"cat", strings.Repeat("long ", 300)}, err: "has 1500 bytes"},
		"control":       {labels: []string{"a\nb"}, doubts: []string{`"a\nb", first of x/`}},
		"no UTF-8":      {labels: []string{"caf\xe9"}, doubts: []string{"written as caf%E9 everywhere"}},
		"compositions":  {labels: []string{"caf\u00e9", "cafe\u0301"}, doubts: []string{`["cafe\u0301" "caf\u00e9"] look alike`}},
		"case":          {labels: []string{"Cat", "cat"}, doubts: []string{`["Cat" "cat"]`}},
		"blanks":        {labels: []string{"cat", "cat "}, doubts: []string{`["cat" "cat "]`}},
		"several kinds": {labels: []string{"cat", "Cat", "d\tog"}, doubts: []string{`d\tog`, `["Cat" "cat"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			doubts, err := checkLabels(items(test.labels...))
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("error is %v, want one with %q", err, test.err)
			}
			if len(doubts) != len(test.doubts) {
				t.Fatalf("doubts are %q, want %q", doubts, test.doubts)
			}
			for i, want := range test.doubts {
				if !strings.Contains(doubts[i], want) {
					t.Errorf("doubt %q, want one with %q", doubts[i], want)
				}
			}
		})
	}
}
