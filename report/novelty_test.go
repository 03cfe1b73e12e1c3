package report_test

import (
	"strings"
	"testing"

	"fovea/head"
	"fovea/report"
)

func TestWriteNovelty(t *testing.T) {
	var out strings.Builder
	if err := report.WriteNovelty(&out, nil); err != nil || out.String() != "" {
		t.Errorf("a head that cannot tell writes %q, %v", out.String(), err)
	}
	if err := report.WriteNovelty(&out, &head.NoveltyShare{Images: 400, Above: 26, Expected: 0.05, Median: 0.8349}); err != nil {
		t.Fatal(err)
	}
	if want := "\nnovelty above 1: 26 of 400 images (6.50 %; expected: 5 %)\nmedian novelty: 0.83\n"; out.String() != want {
		t.Errorf("it is %q, want %q", out.String(), want)
	}
}
