package finetuning

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/spelling"
	"fovea/internal/text"
)

// groupsOf are the rows with the same key, of two rows at least, in the order of their first rows.
func groupsOf[K comparable](keys []K) [][]int {
	index := map[K]int{}
	var all [][]int
	for i, k := range keys {
		g, found := index[k]
		if !found {
			g = len(all)
			index[k] = g
			all = append(all, nil)
		}
		all[g] = append(all[g], i)
	}
	return slices.DeleteFunc(all, func(rows []int) bool { return len(rows) < 2 })
}

// differ says whether the rows have different values of something.
func differ[T comparable](of []T, rows []int) bool {
	return slices.ContainsFunc(rows, func(i int) bool { return of[i] != of[rows[0]] })
}

// rowsOf describes groups of rows, those whose labels conflict first.
func (a *audit) rowsOf(groups [][]int) (all []AuditRow) {
	rank := map[bool]int{false: 1}
	slices.SortStableFunc(groups, func(x, y []int) int { return rank[differ(a.f.Labels, x)] - rank[differ(a.f.Labels, y)] })
	for g, rows := range groups {
		for _, i := range rows {
			all = append(all, a.row(i, g+1, ""))
		}
	}
	return all
}

// conflicts are equal files with different labels.
func (a *audit) conflicts() *Finding {
	groups := slices.DeleteFunc(groupsOf(a.f.Hashes), func(rows []int) bool { return !differ(a.f.Labels, rows) })
	return &Finding{
		What: "the same file under different labels", Count: len(groups), Unit: "group", Rows: a.rowsOf(groups),
		Do: "decide which label is right, and relabel the others (extract dataset relabel) or delete them: at most one can be",
	}
}

// nearConflicts are near duplicates with different labels.
func (a *audit) nearConflicts() *Finding {
	if a.o.NearDuplicates == 0 {
		a.skipped[FoundNearConflicts] = "--near-duplicates is 0"
		return nil
	}
	f := &Finding{
		What: "nearly the same picture under different labels", Unit: "pair",
		Do: "look at both: mostly one of the labels is wrong",
	}
	for _, p := range a.duplicates.Pairs {
		if a.f.Labels[p.A] != a.f.Labels[p.B] {
			f.Count++
			note := fmt.Sprintf("cosine %.4f", p.Similarity)
			f.Rows = append(f.Rows, a.row(p.A, f.Count, note), a.row(p.B, f.Count, note))
		}
	}
	return f
}

// role is what a name of a split means, or the name itself.
func role(split string) string {
	name := strings.ToLower(strings.TrimSpace(split))
	return cmp.Or(roles[name], name)
}

// leaks are copies and near duplicates in several parts of the dataset.
func (a *audit) leaks() *Finding {
	parts := make([]string, len(a.y))
	for i, s := range a.f.Splits {
		parts[i] = role(s)
	}
	if !differ(parts, allRows(len(parts))) {
		a.skipped[FoundLeaks] = "the dataset has no split"
		return nil
	}
	groups := slices.DeleteFunc(groupsOf(a.duplicates.Groups), func(rows []int) bool { return !differ(parts, rows) })
	return &Finding{
		What: "copies or near duplicates in several of the dataset's splits, so that tests are too optimistic", Count: len(groups), Unit: "group",
		Rows: a.rowsOf(groups), Do: "put each group into one split (a column split in extract dataset relabel), or train with --test-fraction, which does",
	}
}

// identical are different files with the same features.
func (a *audit) identical() *Finding {
	seed := maphash.MakeSeed()
	sums := make([]uint64, len(a.y))
	for i := range sums {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, v := range a.f.X.Row(i) {
			bits := math.Float32bits(v)
			_, _ = h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
		sums[i] = h.Sum64()
	}
	groups := slices.DeleteFunc(groupsOf(sums), func(rows []int) bool {
		return !differ(a.f.Hashes, rows) || slices.ContainsFunc(rows, func(i int) bool { return !slices.Equal(a.f.X.Row(i), a.f.X.Row(rows[0])) })
	})
	return &Finding{
		What: "different files with exactly the same features", Count: len(groups), Unit: "group", Rows: a.rowsOf(groups),
		Do: "they are the same pixels saved again, or pictures without content: keep one of each (extract dataset duplicates --keep-largest lists the others)",
	}
}

// uniform are classes whose pictures are nearly all the same.
func (a *audit) uniform() *Finding {
	f := &Finding{
		What: "more than half of the pictures are copies or near duplicates of others of the class", Unit: "class",
		Do: "add pictures taken on other occasions: what is measured on these says little about others",
	}
	units := a.units()
	for _, class := range crowded(a.f.Labels, a.duplicates.Groups) {
		c, _ := slices.BinarySearch(a.classes, class)
		f.Count++
		f.Details = append(f.Details, fmt.Sprintf("%s: %s, %d of them different", spelling.Name(class), text.Plural(len(a.members[c]), "picture"), units[c]))
	}
	return f
}

// leastOfClass is the number of images below which a class is called rare: some for each of five folds.
const leastOfClass = 5

// rare are classes of few images.
func (a *audit) rare() *Finding {
	f := &Finding{
		What: fmt.Sprintf("fewer than %d images", leastOfClass), Unit: "class",
		Do: "add images, join classes, or look for a misspelled label",
	}
	for c, rows := range a.members {
		if len(rows) < leastOfClass {
			f.Count++
			f.Details = append(f.Details, fmt.Sprintf("%s: %s", spelling.Name(a.classes[c]), text.Plural(len(rows), "image")))
			for _, i := range rows {
				f.Rows = append(f.Rows, a.row(i, 0, ""))
			}
		}
	}
	return f
}

// constant are values that are the same in all images.
func (a *audit) constant() *Finding {
	first := a.f.X.Row(0)
	varying := make([]bool, len(first))
	for i := range a.f.X.Rows {
		for j, v := range a.f.X.Row(i) {
			varying[j] = varying[j] || v != first[j]
		}
	}
	f := &Finding{
		What: fmt.Sprintf("the same in all images, of %d values of the features", len(first)), Unit: "value",
		Do: "no harm by itself, nothing is learned from them; many of them mean that the images are very much alike, or not what the model was made for",
	}
	counts := map[string]int{}
	for j, v := range varying {
		if !v {
			layer, _ := columnOf(a.f.Layers, j)
			counts[layer.Name]++
			f.Count++
		}
	}
	for _, l := range a.f.Layers {
		if n := counts[l.Name]; n > 0 {
			f.Details = append(f.Details, l.Name+": "+strconv.Itoa(n)+" of "+strconv.Itoa(l.Size()))
		}
	}
	return f
}
