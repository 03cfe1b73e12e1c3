package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGrouping(t *testing.T) {
	root := tree(t, map[string]string{"p1/a.gif": tinyGIF, "p1/deep/b.gif": tinyGIF, "p2/c.gif": tinyGIF, "d-p3.gif": tinyGIF})
	file := filepath.Join(t.TempDir(), "groups.csv")
	table := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ value, table, groups, how, err string }{
		{value: "", groups: ",,,"},
		{value: "none", groups: ",,,"},
		{value: "patient", groups: ",,,", how: "patient"},
		{value: "parent", groups: filepath.Base(root) + ",p1,p1/deep,p2", how: "parent"},
		{value: `regexp:p(\d)`, groups: "3,1,1,2", how: `regexp:p(\d)`},
		{value: `regexp:p([12])`, err: `finds no group in the paths of 1 of 4 images, the first is "d-p3.gif"`},
		{value: `regexp:p\d`, err: "has no part in parentheses"},
		{value: `regexp:(`, err: "missing closing"},
		{value: "age", err: "unknown source of groups"},
		{value: "csv:", err: "a table of groups needs its file"},
		{value: "csv,label=x:" + file, err: `takes no "label=x": use encoding, group, path, separator`},
		{value: "csv,gruop=x:" + file, err: `takes no "gruop=x" (did you mean group?): use`},
		{value: "csv,group=:" + file, err: "the option group of a table of groups has no value: write group=VALUE"},
		{value: "csv:" + file, table: "path,group\na.gif,A\nb.gif,A\nc.gif,\nd-p3.gif,B\n", groups: "B,A,A,", how: "table"},
		{value: "csv,group=subject:" + file, table: "path;label;subject\na.gif;x;1\nb.gif;x;1\nc.gif;y;2\nd-p3.gif;y;3\n", groups: "3,1,1,2", how: "table"},
		{value: "csv:" + file, table: "path,label\na.gif,A\n", err: "csv,group=COLUMN:FILE names the column"},
		{value: "csv:" + file, table: "path,group\na.gif,A\nb.gif,A\nd-p3.gif,B\n", err: "lacks 1 of 4 images"},
	} {
		table(test.table)
		listing, err := List(context.Background(), []string{root}, nil)
		if err != nil {
			t.Fatal(err)
		}
		g, err := ParseGrouping(test.value)
		if err == nil {
			err = g.Group(listing.Items, nil, 0)
		}
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.value, err, test.err)
			}
			continue
		}
		var groups []string
		for _, item := range listing.Items {
			groups = append(groups, item.Group)
		}
		if err != nil || strings.Join(groups, ",") != test.groups || g.String() != test.how {
			t.Errorf("%s: %q by %q, %v", test.value, groups, g, err)
		}
	}
}

// Groups in the table of the labels are beside them.
func TestGroupingByLabels(t *testing.T) {
	root := tree(t, map[string]string{"a.gif": tinyGIF, "b.gif": tinyGIF})
	file := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(file, []byte("path,label,split,group\na.gif,x,test,p1\nb.gif,y,,p2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	labels := CSVLabels{File: file}
	listing, err := List(context.Background(), []string{root}, labels)
	if err != nil {
		t.Fatal(err)
	}
	g, err := ParseGrouping("labels")
	if err == nil {
		err = g.Group(listing.Items, labels, 0)
	}
	a, b := listing.Items[0], listing.Items[1]
	if err != nil || a.Label+a.Split+a.Group != "xtestp1" || b.Label+b.Split+b.Group != "yp2" {
		t.Errorf("%+v %+v %v", a, b, err)
	}
	if err := g.Group(listing.Items, LabelFunc(PrefixLabel), 0); err == nil || !strings.Contains(err.Error(), "--labels csv:FILE") {
		t.Errorf("without a table: %v", err)
	}
}
