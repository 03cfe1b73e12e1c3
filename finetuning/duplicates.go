package finetuning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"fovea/head"
	"fovea/internal/spelling"
	"fovea/internal/text"
	"fovea/recipe"
	"fovea/vectors"
	"fovea/vgg"
)

// Duplicates are the copies and near duplicates among images, which no split separates.
type Duplicates struct {
	head.Duplicates
	// Together are the groups that no split separates: those of duplicates, joined where the dataset has groups of its own.
	Together []string
	// Crowded are the classes whose near duplicates were not kept together, because most of their images would be some.
	Crowded []string
}

// UsualNear is the cosine from which images are near duplicates by the averages of most layers.
const UsualNear = 0.95

// earlyNear is the same by the first three blocks of a VGG: their averages tell colours and textures, in which different
// photos are alike (scripts/bench-duplicates.sh).
const earlyNear = 0.99

// leastNear is the least cosine of near duplicates that makes sense for layers: the mean, as their cosines are averaged.
func leastNear(r recipe.Recipe, layers []recipe.Layer) float64 {
	sum := 0.0
	for _, l := range layers {
		model := r.Model
		if part, found := r.Part(l.Name); found {
			model = part.Model
		}
		if isEarlyLayer(model, l.InModel()) {
			sum += earlyNear
		} else {
			sum += UsualNear
		}
	}
	return sum / float64(len(layers))
}

// isEarlyLayer says whether a layer, by any of its names, is one of the first three blocks of a VGG.
func isEarlyLayer(model, layer string) bool {
	c, err := vgg.ByName(model)
	if err != nil {
		return false
	}
	for _, l := range c.Layers(false) {
		names := append([]string{l.Name}, l.Aliases...)
		if slices.Contains(names, layer) {
			return slices.ContainsFunc(names, isEarly)
		}
	}
	return false
}

// isEarly says whether a layer's name in Keras is of the first three blocks.
func isEarly(name string) bool {
	return strings.HasPrefix(name, "block1_") || strings.HasPrefix(name, "block2_") || strings.HasPrefix(name, "block3_")
}

// Group finds copies and near duplicates among the images. What holds for more than half of a class does not make its
// images duplicates: of such classes, only equal files are kept together, unless NearDuplicates was set by the user. Unless
// it was, it becomes what suits the layers, at least.
func (o *TrainOptions) Group(ctx context.Context, all Features) (Duplicates, error) {
	found, err := all.findDuplicates(ctx, &o.NearDuplicates, o.OwnNear)
	if errors.Is(err, vectors.ErrTooMany) {
		err = fmt.Errorf("%w, or --near-duplicates 0 to keep only identical files together", err)
	}
	if err != nil {
		return Duplicates{}, err
	}
	d := Duplicates{Duplicates: found}
	if !o.OwnNear {
		d.Crowded = crowded(all.Labels, found.Groups)
	}
	if len(d.Crowded) > 0 && found.Alike > 0 {
		d.Duplicates = head.Join(all.Hashes, slices.DeleteFunc(found.Pairs, func(p vectors.Pair) bool {
			return slices.Contains(d.Crowded, all.Labels[p.A]) || slices.Contains(d.Crowded, all.Labels[p.B])
		}))
	}
	d.Groups = together(d.Groups, all.Paths)
	d.Together = joinGroups(d.Groups, all.Groups)
	if !o.QuietGroups {
		o.tell(all, d, found.Alike)
	}
	return d, nil
}

// tell logs what was found, alike near duplicates before classes were left out.
func (o *TrainOptions) tell(all Features, d Duplicates, alike int) {
	warnOfConflicts(all)
	if len(d.Crowded) > 0 && alike > 0 {
		logrus.Warnf("more than half of the images of %s have features of cosine %g or more with others, too many to be near duplicates: of these classes, only identical files are kept together, and the test may be too optimistic about them; set --near-duplicates to change that", text.Some(d.Crowded), o.NearDuplicates)
	}
	noteGroups(all.Groups)
	if d.Equal+d.Alike > 0 {
		are := "images are copies"
		if d.Equal == 1 {
			are = "image is a copy"
		}
		logrus.Infof("%d %s of others, %d more are near duplicates (cosine %g or more); no split separates them", d.Equal, are, d.Alike, o.NearDuplicates)
	}
	for _, p := range d.Pairs {
		logrus.Debugf("near duplicates, cosine %.4f: %s and %s", p.Similarity, all.Paths[p.A], all.Paths[p.B])
	}
}

// findDuplicates finds copies and near duplicates from the cosine near on, by averages over positions. Unless near is the
// user's own, it becomes what suits the layers, at least.
func (f Features) findDuplicates(ctx context.Context, near *float64, own bool) (head.Duplicates, error) {
	if *near > 0 && !own && len(f.Layers) > 0 {
		*near = max(*near, leastNear(f.Recipe, f.Layers))
	}
	x, free, err := f.averaged()
	if err != nil {
		return head.Duplicates{}, err
	}
	defer free()
	return head.FindDuplicates(ctx, x, f.Hashes, *near)
}

// averaged are the features averaged over the positions of each layer, where it has several: a mirror image, or a crop,
// has other values at each position, but nearly the same in the mean.
func (f Features) averaged() (x head.Matrix, free func(), err error) {
	size, channels := 0, []int(nil)
	for _, l := range f.Layers {
		size += l.Size()
		channels = append(channels, l.Channels())
	}
	x = head.Matrix{Rows: f.X.Rows, Memory: f.X.Memory}
	for _, n := range channels {
		x.Cols += n
	}
	if size != f.X.Cols || x.Cols == f.X.Cols {
		return f.X, func() {}, nil
	}
	if len(channels) > 1 {
		x.Blocks = channels
	}
	if x.Memory == nil {
		x.Data = make([]float32, x.Rows*x.Cols)
	} else if x.Data, err = x.Memory.Floats(x.Rows * x.Cols); err != nil {
		return x, nil, err
	}
	data := x.Data[:0]
	for i := range x.Rows {
		row := f.X.Row(i)
		for l, n := range channels {
			size := f.Layers[l].Size()
			data = vectors.AppendAverage(data, row[:size], n)
			row = row[size:]
		}
	}
	return x, x.Free, nil
}

// warnOfConflicts names equal files with different labels, of which at most one can be right.
func warnOfConflicts(all Features) {
	first, conflicts := map[string]int{}, []string(nil)
	for i, hash := range all.Hashes {
		f, found := first[hash]
		if !found {
			first[hash] = i
		} else if all.Labels[f] != all.Labels[i] {
			conflict := fmt.Sprintf("%s (%s) and %s (%s)", all.Paths[f], all.Labels[f], all.Paths[i], all.Labels[i])
			conflicts = append(conflicts, spelling.Spell(conflict))
		}
	}
	if len(conflicts) == 0 {
		return
	}
	const most = 5
	more := ""
	if len(conflicts) > most {
		more = fmt.Sprintf("; %d more", len(conflicts)-most)
	}
	logrus.Warnf("equal files with different labels: %s%s", strings.Join(conflicts[:min(most, len(conflicts))], "; "), more)
}

// crowded are the classes more than half of whose rows share a group with others of the class.
func crowded(labels, groups []string) []string {
	rows, distinct, seen := map[string]int{}, map[string]int{}, map[[2]string]bool{}
	for i, l := range labels {
		rows[l]++
		if key := [2]string{l, groups[i]}; !seen[key] {
			seen[key] = true
			distinct[l]++
		}
	}
	var all []string
	for _, l := range slices.Sorted(maps.Keys(rows)) {
		if 2*distinct[l] < rows[l] {
			all = append(all, l)
		}
	}
	return all
}
