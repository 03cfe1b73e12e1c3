package report_test

import (
	"fmt"
	"strings"
	"testing"

	"fovea/head"
	"fovea/internal/text"
	"fovea/report"
)

// TestWriteText looks at what a person reads of few and of many classes, of which some have no images.
func TestWriteText(t *testing.T) {
	for _, test := range []struct {
		classes, images int
		absent          bool
		want, not       []string
	}{
		{2, 400, false, []string{"accuracy           99.75 %  (95 %: 98.60 to 99.96, 400 images)", "macro F1           99.75 %  (95 %: ", "log loss           0.1447   (95 %: 0.1380 to 0.1789)", "true \\ predicted   class 0   class 1   precision"}, []string{"without", "interval:"}},
		{3, 40, true, []string{"balanced accuracy  97.50 %  (no interval)\n", "no interval of balanced accuracy and macro F1: class class 2 has 0 rows, it takes 5 of each class\nno interval of log loss: it takes 100 rows, not 40\n", "ROC AUC            none", "without test images: class 2"}, nil},
		{200, 6000, false, []string{"confused most  predicted  images  of\nclass 1        class 0", "The 10 of 200 classes with the lowest F1", "macro F1           99.98 %  (95 %: "}, []string{"true \\ predicted"}},
	} {
		var classes, labels []string
		for c := range test.classes {
			classes = append(classes, fmt.Sprint("class ", c))
		}
		var probabilities [][]float64
		for i := range test.images {
			present := test.classes
			if test.absent {
				present--
			}
			p := make([]float64, test.classes)
			taken := i % present
			if i == 1 {
				taken = 0
			}
			for c := range p {
				p[c] = (0.1 + float64(i%7)/100) / float64(test.classes-1)
			}
			p[taken] = 0.9 - float64(i%7)/100
			probabilities, labels = append(probabilities, p), append(labels, classes[i%present])
		}
		m, err := head.Evaluate(probabilities, labels, classes)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := report.WriteText(&out, m); err != nil {
			t.Fatal(err)
		}
		for _, w := range test.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%d classes: no %q in\n%s", test.classes, w, out.String())
			}
		}
		for _, w := range test.not {
			if strings.Contains(out.String(), w) {
				t.Errorf("%d classes: %q in\n%s", test.classes, w, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if len(line) > 100 {
				t.Errorf("a line of %d characters: %s", len(line), line)
			}
		}
	}
}

// Tables fit a terminal: names are cut, and a matrix that is too wide even so becomes a list. Without a width, all is shown.
func TestWriteTextWithin(t *testing.T) {
	for _, test := range []struct {
		classes   int
		name      string
		width     int
		want, not []string
	}{
		{3, "a class with a rather long name, number %d", 0, []string{"a class with a rather long name, number 2   precision"}, []string{"…"}},
		{3, "a class with a rather long name, number %d", 80, []string{"true \\ predicted", "a c…r 1", "…"}, []string{"number 2   precision"}},
		{3, "犬と猫と鳥の長い名前の種類その%d", 80, []string{"true \\ predicted", "…"}, nil},
		{20, "class %d", 80, []string{"confused most  predicted  images  of\n", "class     precision  recall  F1      images\n"}, []string{"true \\ predicted", "with the lowest F1"}},
		{20, "class %d", 300, []string{"true \\ predicted", "class 19   precision"}, []string{"…"}},
		{30, strings.Repeat("long ", 30) + "%d", 80, []string{"confused most", "The 10 of 30 classes with the lowest F1", "…"}, nil},
		{30, strings.Repeat("long ", 30) + "%d", 0, []string{strings.Repeat("long ", 30) + "1"}, []string{"…"}},
	} {
		var classes, labels []string
		var probabilities [][]float64
		for c := range test.classes {
			classes = append(classes, fmt.Sprintf(test.name, c))
		}
		for i := range 10 * test.classes {
			p := make([]float64, test.classes)
			p[(i+i%7/6)%test.classes] = 1
			probabilities, labels = append(probabilities, p), append(labels, classes[i%test.classes])
		}
		m, err := head.Evaluate(probabilities, labels, classes)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := report.WriteText(text.Within(&out, test.width), m); err != nil {
			t.Fatal(err)
		}
		for _, w := range test.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%d classes in %d columns: no %q in\n%s", test.classes, test.width, w, out.String())
			}
		}
		for _, w := range test.not {
			if strings.Contains(out.String(), w) {
				t.Errorf("%d classes in %d columns: %q in\n%s", test.classes, test.width, w, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if width := text.Columns(strings.TrimSuffix(line, "\n")); test.width > 0 && width > test.width {
				t.Errorf("%d classes: %d columns: %s", test.classes, width, line)
			}
		}
	}
}
