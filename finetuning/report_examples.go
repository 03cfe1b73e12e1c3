package finetuning

import (
	"cmp"
	"slices"

	"fovea/featurestore"
	"fovea/head"
	"fovea/report"
)

// mostExamples bounds the examples of all cells together, which is some 2 MB of thumbnails.
const mostExamples = 240

// cellImage is an image in a cell of the confusion matrix.
type cellImage struct {
	row         int
	probability float64
}

// examples are images of the cells that a report shows: the most certain of the wrong ones, the least certain of the
// right ones. Of many cells each has its first before any has its second, wrong ones and large ones first.
func (o *ReportOptions) examples(f Features, probabilities [][]float64, m head.Metrics) []report.Example {
	images := o.imagesOfCells(f, probabilities, m)
	shown := shownCells(m, images)
	var all []report.Example
	for k := range o.Examples {
		for _, at := range shown {
			if k < len(images[at]) && len(all) < mostExamples {
				i := images[at][k]
				all = append(all, report.Example{Class: at[0], Taken: at[1], Path: featurestore.EscapeText(f.Paths[i.row]), Probability: i.probability})
			}
		}
	}
	if o.Images != "" {
		paths := make([]string, len(all))
		for i, e := range all {
			paths[i] = e.Path
		}
		for i, t := range thumbnails(o.Images, o.Head.Recipe.Resize, paths) {
			all[i].Thumbnail = t
		}
	}
	return all
}

// imagesOfCells are the images of each cell, those to be shown first at the front.
func (o *ReportOptions) imagesOfCells(f Features, probabilities [][]float64, m head.Metrics) map[[2]int][]cellImage {
	place := make(map[string]int, len(m.Classes))
	for i, c := range m.Classes {
		place[c] = i
	}
	images := map[[2]int][]cellImage{}
	for i, p := range probabilities {
		taken := place[o.Head.Predict(p)]
		at := [2]int{place[f.Labels[i]], taken}
		images[at] = append(images[at], cellImage{i, p[taken]})
	}
	for at, all := range images {
		slices.SortStableFunc(all, func(a, b cellImage) int {
			if at[0] == at[1] {
				return cmp.Compare(a.probability, b.probability)
			}
			return cmp.Compare(b.probability, a.probability)
		})
	}
	return images
}

// shownCells are the cells with images that a report shows, wrong ones and large ones first.
func shownCells(m head.Metrics, images map[[2]int][]cellImage) [][2]int {
	var all [][2]int
	if len(m.Classes) <= head.MostInMatrix {
		for i := range m.Classes {
			for j := range m.Classes {
				all = append(all, [2]int{i, j})
			}
		}
	} else {
		all = report.ShownPairs(m)
	}
	right := func(at [2]int) int {
		if at[0] == at[1] {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b [2]int) int { return cmp.Or(right(a)-right(b), len(images[b])-len(images[a])) })
	return all
}
