package report

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fovea/head"
)

// classes is a report of n classes with 10 images each, of which the first of every even class is taken for the next one,
// with two examples of each such cell.
func classes(t *testing.T, n int) Data {
	t.Helper()
	var names, labels []string
	for i := range n {
		names = append(names, fmt.Sprintf("class %04d", i))
	}
	var probabilities [][]float64
	d := Data{Title: "Many"}
	thumbnail := sample(t).Mistakes[0].Thumbnail
	for i := range n {
		for k := range 10 {
			p := make([]float64, n)
			p[i] = 1
			if k == 0 && i%2 == 0 && i+1 < n {
				p[i], p[i+1] = 0, 1
				d.Examples = append(d.Examples, Example{Class: i, Taken: i + 1, Path: fmt.Sprintf("wrong %d.jpg", i), Probability: 0.75, Thumbnail: thumbnail}, Example{Class: i, Taken: i + 1, Path: "other.jpg"})
			}
			probabilities, labels = append(probabilities, p), append(labels, names[i])
		}
	}
	var err error
	if d.Metrics, err = head.Evaluate(probabilities, labels, names); err != nil {
		t.Fatal(err)
	}
	return d
}

// pageOf is the page of a report.
func pageOf(t *testing.T, d Data) (file, text string) {
	t.Helper()
	files, err := Write(t.TempDir(), d)
	if err != nil {
		t.Fatal(err)
	}
	file = files[len(files)-1]
	raw, err := os.ReadFile(file)
	if err != nil || filepath.Base(file) != "report.html" {
		t.Fatal(file, err)
	}
	return file, string(raw)
}

// A page of few classes has all cells, with shares of the rows that add up, and of many the pairs that are confused most.
func TestMatrixInPage(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pages, one after the other")
	}
	for _, n := range []int{2, 20, 21, 100, 1000} {
		d := classes(t, n)
		_, text := pageOf(t, d)
		cells := strings.Count(text, `<td class="cell`)
		pictures := strings.Count(text, `src="data:image/png`)
		rights, wrongs := strings.Count(text, "<small>100.0 %</small>")+strings.Count(text, "<small>90.0 %</small>"), strings.Count(text, "10.0 %</")
		if n <= head.MostInMatrix {
			if cells != n*n || pictures != 0 || rights != n || wrongs != n/2 {
				t.Errorf("%d classes: %d cells with %d right and %d wrong shares, %d pictures", n, cells, rights, wrongs, pictures)
			}
		} else if cells != 0 || pictures != 1 || wrongs != min(mostInPage, n/2) {
			t.Errorf("%d classes: %d cells, %d shares of pairs, %d pictures", n, cells, wrongs, pictures)
		}
		// Each cell that has examples leads to them, and nothing else does.
		var targets []string
		for _, at := range regexp.MustCompile(`href="#(cell-[^"]*)"`).FindAllStringSubmatch(text, -1) {
			targets = append(targets, at[1])
			if strings.Count(text, `id="`+at[1]+`"`) != 1 {
				t.Errorf("%d classes: there is no %s", n, at[1])
			}
		}
		if want := min(n/2, mostInPage); len(targets) != want || strings.Count(text, "wrong ") != want {
			t.Errorf("%d classes: %d cells have examples, want %d", n, len(targets), want)
		}
		if len(text) > 1<<20 {
			t.Errorf("%d classes: the page has %d bytes", n, len(text))
		}
	}
}

// What a page holds of examples is bounded; those beyond are named.
func TestExamplesAreBounded(t *testing.T) {
	d := classes(t, 4)
	for i := range d.Examples {
		d.Examples[i].Thumbnail = bytes.Repeat([]byte{byte(i)}, MostExampleBytes*2/5)
	}
	_, text := pageOf(t, d)
	if n := strings.Count(text, "data:image/jpeg"); n != 2 || len(text) > MostExampleBytes*3/2 {
		t.Errorf("%d of %d thumbnails, %d bytes", n, len(d.Examples), len(text))
	}
	if n := strings.Count(text, "other.jpg"); n != 2 {
		t.Errorf("%d of 2 second examples are named", n)
	}
}

// The picture of a matrix has blue where the head is right and red where it is wrong, and nothing elsewhere.
func TestConfusionPNG(t *testing.T) {
	c := make(head.Confusion, 30)
	for i := range c {
		c[i] = make([]int, 30)
		c[i][i] = 50
	}
	c[4][7], c[5] = 1, make([]int, 30)
	content, err := confusionPNG(c)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y int) color.NRGBA { return color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA) }
	if r, w := at(3, 3), at(7, 4); r.B < r.R+50 || r.A != 255 || w.R < w.B+50 || w.A < 60 || w.A > 150 || at(4, 7).A != 0 || at(5, 5).A != 0 || img.Bounds().Dx() != 30 {
		t.Errorf("right is %v, wrong is %v, its mirror image %v, a class without images %v", r, w, at(4, 7), at(5, 5))
	}
	for _, n := range []int{2, head.MostInMatrix, mostInPicture + 1} {
		if content, err := confusionPNG(make(head.Confusion, n)); content != nil || err != nil {
			t.Errorf("%d classes have a picture, %v", n, err)
		}
	}
}
