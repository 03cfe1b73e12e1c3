package report

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"

	"fovea/head"
	"fovea/internal/figure"
)

// MostExampleBytes bounds the thumbnails of examples in a page, before they are encoded as text, which makes a third
// more of them. Examples beyond are listed without.
const MostExampleBytes = 4 << 20

// cell is a cell of the confusion matrix: images of a class by the class that they were assigned to.
type cell struct {
	Class, Taken string
	// N of Of images of the class.
	N, Of    int
	Right    bool
	Style    template.CSS
	ID       string // of its examples in the page, "" for none
	Examples []Example
}

// Share is the cell's part of its row, 0 to 1.
func (c cell) Share() float64 { return float64(c.N) / float64(max(1, c.Of)) }

// cells are those that a page shows: all of few classes, else the pairs that are confused most.
type cells struct {
	matrix [][]cell
	pairs  []cell
}

// cellsOf are the cells of a report with their examples.
func cellsOf(d Data) cells {
	m := d.Metrics
	examples := map[[2]int][]Example{}
	bytes := 0
	for _, e := range d.Examples {
		if bytes += len(e.Thumbnail); bytes > MostExampleBytes {
			bytes -= len(e.Thumbnail)
			e.Thumbnail = nil
		}
		at := [2]int{e.Class, e.Taken}
		examples[at] = append(examples[at], e)
	}
	of := func(i, j int) cell {
		c := cell{Class: m.Classes[i], Taken: m.Classes[j], N: m.Confusion[i][j], Of: m.PerClass[i].N, Right: i == j, Examples: examples[[2]int{i, j}]}
		if len(c.Examples) > 0 {
			c.ID = fmt.Sprintf("cell-%d-%d", i, j)
		}
		c.Style = shade(c)
		return c
	}
	var all cells
	if len(m.Classes) <= head.MostInMatrix {
		for i := range m.Classes {
			row := make([]cell, len(m.Classes))
			for j := range row {
				row[j] = of(i, j)
			}
			all.matrix = append(all.matrix, row)
		}
		return all
	}
	for _, p := range ShownPairs(m) {
		all.pairs = append(all.pairs, of(p[0], p[1]))
	}
	return all
}

// ShownPairs are the cells of the confusion matrix, by the places of their two classes, that a page of many classes
// lists: those that are confused most.
func ShownPairs(m head.Metrics) [][2]int {
	place := make(map[string]int, len(m.Classes))
	for i, c := range m.Classes {
		place[c] = i
	}
	var all [][2]int
	for _, p := range m.MostConfused[:min(mostInPage, len(m.MostConfused))] {
		all = append(all, [2]int{place[p.Class], place[p.Predicted]})
	}
	return all
}

// withExamples are the cells that have some, wrong ones first and the largest first.
func (c cells) withExamples() []cell {
	all := slices.Concat(append(slices.Clone(c.matrix), c.pairs)...)
	all = slices.DeleteFunc(all, func(c cell) bool { return c.ID == "" })
	rank := map[bool]int{true: 1}
	slices.SortStableFunc(all, func(a, b cell) int { return cmp.Or(rank[a.Right]-rank[b.Right], b.N-a.N) })
	return all
}

// shade colours a cell by its share of the row: blue if right, red if wrong.
func shade(c cell) template.CSS {
	colour := "c7"
	if c.Right {
		colour = "c0"
	}
	return template.CSS(fmt.Sprintf("background:color-mix(in srgb,var(--%s) %.0f%%,transparent)", colour, 55*c.Share())) // numbers only
}

// mostInPicture is the number of classes up to which the matrix is drawn, a pixel for each cell.
const mostInPicture = 1000

// confusionPNG is a picture of a matrix of more classes than a table has room for: a pixel for each cell, the more opaque
// the larger its share of the row, on nothing. Nil if there are too few classes, or too many.
func confusionPNG(c head.Confusion) ([]byte, error) {
	if len(c) <= head.MostInMatrix || len(c) > mostInPicture {
		return nil, nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, len(c), len(c)))
	right, wrong := figure.ClassColour(0), figure.ClassColour(7)
	for i, row := range c {
		of := 0
		for _, n := range row {
			of += n
		}
		for j, n := range row {
			if n == 0 {
				continue
			}
			colour := wrong
			if i == j {
				colour = right
			}
			// Single mistakes among hundreds of images are to be seen.
			colour.A = uint8(255 * (0.25 + 0.75*math.Sqrt(float64(n)/float64(of))))
			img.SetNRGBA(j, i, color.NRGBA(colour))
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}
