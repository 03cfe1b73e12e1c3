package pipeline

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Images below two of the arguments would be stored twice.
func TestListRefusesOverlaps(t *testing.T) {
	archive := tarOf(t, tarMember{name: "x.gif", content: tinyGIF}, tarMember{name: "y.gif", content: tinyGIF})
	root := tree(t, map[string]string{"p/a/x.gif": tinyGIF, "p/a/deep/er/y.gif": tinyGIF, "p/b/z.gif": tinyGIF, "p/empty/.keep": "", "q/v.gif": tinyGIF, "p-q/w.gif": tinyGIF, "tars/s.tar": string(archive)})
	t.Chdir(root)
	if err := os.Symlink("p/a", "link"); err != nil {
		t.Fatal(err)
	}
	absolute := filepath.Join(root, "p", "a")
	for name, test := range map[string]struct {
		arguments string
		exclude   []string
		want      string // an error, or the paths
	}{
		"below":              {"p p/a", nil, `pipeline: p/a/deep/er/y.gif is in both p and p/a, and would be stored twice, as "a/deep/er/y.gif" and "deep/er/y.gif": give one of the two`},
		"above, later":       {"p/a q p", nil, "is in both "},
		"far below":          {"p p/a/deep/er", nil, `as "a/deep/er/y.gif" and "y.gif"`},
		"same":               {"p q p", nil, "pipeline: p is given twice: give it once"},
		"same, spelled":      {"p/a ./p/../p/a", nil, "is in both p/a and ./p/../p/a"},
		"working directory":  {". p", nil, "is in both "},
		"absolute":           {"p " + absolute, nil, "is in both p and " + absolute},
		"by a link":          {"p link", nil, "is in both p and link"},
		"a file":             {"p p/a/x.gif", nil, `p/a/x.gif is in both p and p/a/x.gif, and would be stored twice, as "a/x.gif" and "x.gif"`},
		"a file twice":       {"q/v.gif q/v.gif", nil, "q/v.gif is given twice"},
		"an archive":         {"tars tars/s.tar", nil, "is in both tars and tars/s.tar"},
		"side by side":       {"p/a p/b q p-q", nil, "deep/er/y.gif v.gif w.gif x.gif z.gif"},
		"a name before":      {"p p-q", nil, "a/deep/er/y.gif a/x.gif b/z.gif w.gif"},
		"nothing in it":      {"p p/empty", nil, "a/deep/er/y.gif a/x.gif b/z.gif"},
		"left out":           {"p p/a", []string{"a/**"}, "a/deep/er/y.gif a/x.gif b/z.gif deep/er/y.gif x.gif"},
		"not all left out":   {"p p/a", []string{"a/x.gif"}, "is in both p and p/a"},
		"a link to the rest": {"q link", nil, "deep/er/y.gif v.gif x.gif"},
	} {
		t.Run(name, func(t *testing.T) {
			finder := Finder{Openers: []Opener{OpenArchive}, Selection: Selection{Exclude: test.exclude}}
			listing, err := finder.List(context.Background(), strings.Fields(test.arguments), nil)
			if err != nil && !strings.Contains(err.Error(), test.want) || err == nil && !slices.Equal(paths(listing.Items), strings.Fields(test.want)) {
				t.Errorf("found %q, %v, want %s", paths(listing.Items), err, test.want)
			}
		})
	}
}
