package finetuning

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"fovea/internal/spelling"
)

// alone are images whose neighbours all have other labels.
func (a *audit) alone() *Finding {
	units := a.units()
	if a.neighbours == nil || a.skipUniform(FoundAlone, units, 1, leastOfClass+1) {
		return nil
	}
	f := &Finding{
		What: fmt.Sprintf("all of the %d most similar ones have another label", a.neighbours.K), Unit: "image",
		Do: "check their labels; finetune suspects ranks all labels, with more evidence",
	}
	for i, c := range a.y {
		rows, similarities := a.neighbours.Of(i)
		if len(rows) < a.neighbours.K || units[c] <= leastOfClass || slices.ContainsFunc(rows, func(r int32) bool { return a.y[r] == c }) {
			continue
		}
		f.Count++
		f.Rows = append(f.Rows, a.row(i, 0, fmt.Sprintf("nearest is %s, cosine %.2f", spelling.Name(a.f.Labels[rows[0]]), similarities[0])))
	}
	return f
}

// units are the numbers of different images of the classes: copies and near duplicates, which are no neighbours of each
// other, count as one. An image of a class of few has hardly any neighbour of its own class, whatever it shows, so that
// its neighbours say nothing about its label; uniform tells of such classes.
func (a *audit) units() []int {
	units := make([]int, len(a.classes))
	for c, rows := range a.members {
		distinct := map[string]bool{}
		for _, i := range rows {
			distinct[a.duplicates.Groups[i]] = true
		}
		units[c] = len(distinct)
	}
	return units
}

// skipUniform says of a kind why it is not looked for if it takes more classes of at least so many different images.
func (a *audit) skipUniform(kind string, units []int, classes, least int) bool {
	for _, n := range units {
		if n >= least {
			classes--
		}
	}
	if classes > 0 {
		a.skipped[kind] = fmt.Sprintf("too few classes have %d different images or more", least)
	}
	return classes > 0
}

// alikeRatio is how often, compared with chance, neighbours are of the other class rather than of the own one, from which
// two classes are alike: 1 is for classes that nothing tells apart.
const alikeRatio = 0.5

// alikeClasses are classes that features do not tell apart.
func (a *audit) alikeClasses() *Finding {
	units := a.units()
	if a.neighbours == nil || a.skipUniform(FoundAlikeClasses, units, 2, leastOfClass) {
		return nil
	}
	mix := a.mix()
	type pair struct {
		a, b  int
		ratio float64
	}
	var pairs []pair
	others := a.others()
	size := func(c int) float64 { return float64(len(a.members[c])) }
	for x := range a.classes {
		for y := range x {
			if units[x] < leastOfClass || units[y] < leastOfClass {
				continue
			}
			// Each way, per image that a neighbour could be.
			one := mix[x][y] / size(y) / max(mix[x][x]/others[x], math.SmallestNonzeroFloat32)
			other := mix[y][x] / size(x) / max(mix[y][y]/others[y], math.SmallestNonzeroFloat32)
			if ratio := math.Sqrt(one * other); ratio >= alikeRatio {
				pairs = append(pairs, pair{y, x, ratio})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.ratio, a.ratio) })
	f := &Finding{
		What: "the features hardly tell these classes apart", Count: len(pairs), Unit: "pair",
		Do: "join them if they are one class; else try other layers, or --unfreeze",
	}
	for _, p := range pairs {
		first, second := spelling.Name(a.classes[p.a]), spelling.Name(a.classes[p.b])
		f.Details = append(f.Details, fmt.Sprintf("%s and %s: an image has %.0f %% as many of its most similar ones in the other class as in its own, %.0f %% of %s's are %s's", first, second, 100*min(1, p.ratio), 100*mix[p.a][p.b], first, second))
	}
	return f
}

// mix is the share of the neighbours of each class that are of each class.
func (a *audit) mix() [][]float64 {
	mix := make([][]float64, len(a.classes))
	for c := range mix {
		mix[c] = make([]float64, len(a.classes))
	}
	for i, c := range a.y {
		rows, _ := a.neighbours.Of(i)
		for _, r := range rows {
			mix[c][a.y[r]] += 1 / float64(len(rows)*len(a.members[c]))
		}
	}
	return mix
}

// others are how many images of its own class can be neighbours of an image, in the mean of each class.
func (a *audit) others() []float64 {
	mean := make([]float64, len(a.classes))
	for c, rows := range a.members {
		n := float64(len(rows))
		sizes := map[string]float64{}
		for _, i := range rows {
			sizes[a.duplicates.Groups[i]]++
		}
		mean[c] = n
		for _, size := range sizes {
			mean[c] -= size * size / n
		}
	}
	return mean
}

// alikeNames are labels that were probably meant to be the same.
func (a *audit) alikeNames() *Finding {
	f := &Finding{What: "labels that look the same but are different", Unit: "group", Do: "rename them if they are one class (extract dataset relabel)"}
	for _, group := range spelling.Alike(a.classes) {
		f.Count++
		f.Details = append(f.Details, fmt.Sprintf("%+q", group))
	}
	return f
}

// Outliers are less similar to their neighbours than the median image by outlierSpreads times the spread of the less
// similar half, and by outlierGap at least: where all images are much alike, small differences are none.
const (
	outlierSpreads = 4
	outlierGap     = 0.05
)

// outliers are images that are unlike all others.
func (a *audit) outliers() *Finding {
	if a.neighbours == nil {
		return nil
	}
	near := a.similar
	sorted := slices.Sorted(slices.Values(near))
	median := sorted[len(sorted)/2]
	// Of a normal distribution, the 16th percentile is a standard deviation below the median.
	spread := median - sorted[len(sorted)*16/100]
	f := &Finding{
		What: "unlike all others", Unit: "image",
		Do: "look whether they belong to the dataset: broken pictures, drawings, screenshots, or the only one of their kind",
	}
	least := median - max(outlierGap, outlierSpreads*spread)
	rows := slices.DeleteFunc(allRows(len(near)), func(i int) bool { return near[i] > least })
	slices.SortStableFunc(rows, func(i, j int) int { return cmp.Compare(near[i], near[j]) })
	for _, i := range rows {
		f.Rows = append(f.Rows, a.row(i, 0, fmt.Sprintf("mean cosine %.2f to the most similar ones, %.2f is usual", near[i], median)))
	}
	f.Count = len(rows)
	return f
}
