package recipe

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseProjection(t *testing.T) {
	sum := strings.Repeat("0af", 21) + "0"
	for text, want := range map[string]string{
		"": "", "none": "", "1024": "sparse:1024:1", "sparse:1024": "sparse:1024:1", "sparse:32768:0": "sparse:32768:0", "sparse:7:18446744073709551615": "sparse:7:18446744073709551615",
		"pca:256": "pca:256", "pca:256:whiten": "pca:256:whiten", "pca:4096@" + sum: "pca:4096@" + sum, "pca:1:whiten@" + sum: "pca:1:whiten@" + sum, "007": "sparse:7:1",
	} {
		p, err := ParseProjection(text)
		if err != nil || p.String() != want {
			t.Errorf("%q is %q, %v, want %q", text, p, err, want)
		}
		if again, err := ParseProjection(p.String()); err != nil || again != p {
			t.Errorf("%q is read back as %q, %v", want, again, err)
		}
	}
	for text, want := range map[string]string{
		"random": "use N, sparse:N:SEED", "0": "from 1 to 32768", "-5": "from 1", "32769": "to 32768", "sparse": "whole number from 1", "sparse:": "whole number from 1", "sparse:5:": "a seed is", "sparse:5:-1": "a seed is",
		"sparse:5:1:2": "a seed is", "pca": "from 1 to 4096", "pca:0": "from 1 to 4096", "pca:4097": "to 4096", "pca:5:white": `"whiten" may follow N`, "pca:5@": "64 digits", "pca:5@" + sum[1:]: "64 digits",
		"pca:5@" + strings.ToUpper(sum): "64 digits", "pca:5@" + sum + ":whiten": "64 digits", "1e3": "use N",
	} {
		if _, err := ParseProjection(text); !errors.Is(err, ErrProjection) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func TestStored(t *testing.T) {
	p := Projection{Kind: ProjectSparse, Values: 8}
	for _, test := range []struct{ layer, want Layer }{
		{Layer{Name: "a", Shape: []int{3, 3, 1}, Layout: LayoutHWC}, Layer{Name: "a", Shape: []int{8}, Layout: LayoutC}},
		{Layer{Name: "b", Shape: []int{2, 2, 2}, Layout: LayoutHWC}, Layer{Name: "b", Shape: []int{2, 2, 2}, Layout: LayoutHWC}},
		{Layer{Name: "c", Shape: []int{9}, Layout: LayoutC}, Layer{Name: "c", Shape: []int{8}, Layout: LayoutC}},
	} {
		if got := p.Stored(test.layer); got.Name != test.want.Name || !slices.Equal(got.Shape, test.want.Shape) || got.Layout != test.want.Layout {
			t.Errorf("%v is stored as %v, want %v", test.layer, got, test.want)
		}
		if got := (Projection{}).Stored(test.layer); got.Size() != test.layer.Size() {
			t.Errorf("without a projection, %v is stored as %v", test.layer, got)
		}
	}
}

func FuzzParseProjection(f *testing.F) {
	for _, seed := range []string{"1024", "sparse:1:2", "pca:3:whiten@", "pca:9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProjection(text)
		if err != nil {
			return
		}
		if again, err := ParseProjection(p.String()); err != nil || again != p {
			t.Errorf("%q is %q, and that %+v, %v", text, p, again, err)
		}
	})
}
