package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fovea/pipeline"
)

func TestList(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"b/1.jpg", "a/1.jpg", "dir/z.png", "dir/deep/y.gif"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		images []string
		stdin  string
		want   []string
	}{
		"equal names":   {[]string{"b/1.jpg", "a/1.jpg"}, "", []string{"b/1.jpg", "a/1.jpg"}},
		"directory":     {[]string{"dir", "a/1.jpg"}, "", []string{"a/1.jpg", "deep/y.gif", "z.png"}},
		"stdin":         {[]string{"-"}, "a/1.jpg\r\n\nnowhere.jpg\nb/1.jpg", []string{"a/1.jpg", "nowhere.jpg", "b/1.jpg"}},
		"stdin and dir": {[]string{"-", "b/1.jpg"}, "dir\n", []string{"b/1.jpg", "deep/y.gif", "z.png"}},
	} {
		listing, err := list(context.Background(), test.images, strings.NewReader(test.stdin))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, item := range listing.Items {
			got = append(got, item.Path)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if _, err := list(context.Background(), []string{"-"}, strings.NewReader("\n")); !errors.Is(err, pipeline.ErrNoPictures) {
		t.Errorf("an empty input gives %v", err)
	}
	if _, err := list(context.Background(), []string{"nowhere"}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing argument gives %v", err)
	}
	if _, err := list(context.Background(), []string{"-", "-"}, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "only once") {
		t.Errorf("reading twice gives %v", err)
	}
	if _, err := list(context.Background(), []string{"-"}, strings.NewReader(strings.Repeat("x", maxLine+1))); err == nil || !strings.Contains(err.Error(), "one path a line") {
		t.Errorf("an endless line gives %v", err)
	}
}

func TestRank(t *testing.T) {
	classes := []string{"a", "b", "c", "d"}
	got := rank([]float64{0.1, 0.4, 0.1, 0.4}, classes, 3)
	if d := cmp.Diff([]ranked{{"b", 0.4}, {"d", 0.4}, {"a", 0.1}}, got, cmp.AllowUnexported(ranked{})); d != "" {
		t.Error(d)
	}
}

func TestDecision(t *testing.T) {
	d := decision{classes: []string{"cat", "dog"}, threshold: 0.9, unsure: "neither"}
	for want, p := range map[string][]float64{"cat": {0.9, 0.1}, "neither": {0.2, 0.8}, "dog": {0.05, 0.95}} {
		if got := d.label(p); got != want {
			t.Errorf("%v is %q, want %q", p, got, want)
		}
	}
}
