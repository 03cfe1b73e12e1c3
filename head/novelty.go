package head

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"fovea/recipe"
)

// Novelty tells how unlike the rows that a head was trained on another one is, whatever its probabilities
// say. Probabilities compare classes with each other: a photo of neither may well have one of 1.
//
// The novelty of a row is its mean distance from the nearest Neighbors of Known, divided by Cutoff. It
// is small for what is like many of these; above 1 are Rate of the rows that are like those trained on, and most
// of others.
//
// Distances are those of rows described by few values (see description), sqrt(2 - 2c) with the mean c of the
// cosines of their layers: from 0 to the square root of 2, or to 2 if values are negative. A layer whose values are
// all 0 has a cosine of 0 with any other.
type Novelty struct {
	// Neighbors is the number of known rows whose distances count.
	Neighbors int
	// Known are descriptions of rows that the head was trained on, at most 2^19 values of them.
	Known Matrix
	// Cutoff is the distance of a novelty of 1, from minCutoff on.
	Cutoff float64
	// Rate is the share of known rows with a larger distance from the others, above 0 and below 1. It was found on
	// so many Measured.
	Rate     float64
	Measured int
}

const (
	// mostKnown bounds the values of the rows that are kept: 2 MiB, and 2.8 MB in a file. That is 1,024 rows of one
	// layer of 512 channels; with half of them, averaged pool5 tells cats from dogs as well.
	mostKnown = 1 << 19
	// mostNeighbors is the usual number of neighbours: about as good as 10 or 20, and better than one.
	mostNeighbors = 5
	// mostDescribed is the number of values that describe a layer.
	mostDescribed = 512
	// minCutoff is above what rounding makes of the distance of equal rows.
	minCutoff = 1e-3
)

// description says how a row is described: its layers, one after another, are averaged over positions, folded, and
// scaled to a length of 1, all together.
//
// The values of a layer of more than 512 channels are folded into 512 sums: channel j is added to, or subtracted
// from, number j modulo 512 (a count sketch: Charikar, Chen and Farach-Colton, 2002). That keeps cosines up to an
// error of about 1/sqrt(512).
type description struct {
	folds []Fold
	width int
}

// Fold is how the values of a layer are described: each of Channels is the mean over Positions, and Signs, unless they are
// empty, say what it counts in the sum of its number modulo Width.
type Fold struct {
	Positions, Channels, Width int
	Signs                      []float32
}

// FoldOf is the Fold of a layer, whose last dimension are channels.
func FoldOf(l recipe.Layer) Fold {
	f := Fold{Channels: 1}
	if n := len(l.Shape); n > 0 {
		f.Channels = l.Shape[n-1]
	}
	f.Positions, f.Width = l.Size()/f.Channels, min(f.Channels, mostDescribed)
	if f.Channels > f.Width {
		f.Signs = make([]float32, f.Channels)
		for j := range f.Signs {
			f.Signs[j] = 1 - 2*float32(mixed(uint64(j))&1)
		}
	}
	return f
}

// mixed is the j-th number of SplitMix64 (Steele, Lea and Flood, 2014), so that other programs can fold alike.
func mixed(j uint64) uint64 {
	z := (j + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func describe(layers []recipe.Layer) description {
	var d description
	for _, l := range layers {
		f := FoldOf(l)
		d.folds = append(d.folds, f)
		d.width += f.Width
	}
	return d
}

// apply describes a row into dst.
func (d description) apply(dst, row []float32) {
	share := 1 / math.Sqrt(float64(len(d.folds)))
	for _, f := range d.folds {
		sums := make([]float64, f.Width)
		for range f.Positions {
			for j, v := range row[:f.Channels] {
				if f.Signs == nil {
					sums[j] += float64(v)
				} else {
					sums[j%f.Width] += float64(v) * float64(f.Signs[j])
				}
			}
			row = row[f.Channels:]
		}
		squares := 0.0
		for _, v := range sums {
			squares += v * v
		}
		factor := 0.0
		if squares > 0 {
			factor = share / math.Sqrt(squares)
		}
		for j, v := range sums {
			dst[j] = float32(v * factor)
		}
		dst = dst[f.Width:]
	}
}

// all describes some rows.
func (d description) all(x Matrix, rows []int) dense {
	out := newDense(padded(len(rows), quad), d.width)
	inParallel(len(rows), func(i int) { d.apply(out.row(i), x.Row(rows[i])) })
	out.rows = len(rows)
	return out
}

// inParallel calls f with the numbers from 0 to n - 1.
func inParallel(n int, f func(i int)) {
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for start := 0; start < n; start += blockRows {
		group.Go(func() error {
			for i := start; i < min(start+blockRows, n); i++ {
				f(i)
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
}

// known is the table of known rows in the layout that the kernels need.
func (n *Novelty) known() dense {
	k := n.Known
	if k.Cols%lane == 0 && k.Rows%quad == 0 {
		return dense{k.Rows, k.Cols, k.Cols, k.Data} // as it usually is
	}
	d := newDense(padded(k.Rows, quad), k.Cols)
	for i := range k.Rows {
		copy(d.row(i), k.Row(i))
	}
	return d
}

// distances computes the mean distance of each row, which is described, from its nearest known ones, but for that with
// the number in except, if there is one.
func (n *Novelty) distances(rows dense, except []int) []float64 {
	known, out := n.known(), make([]float64, rows.rows)
	var group errgroup.Group
	group.SetLimit(allCPUs())
	for start := 0; start < rows.rows; start += blockRows {
		group.Go(func() error {
			block := make([]int, min(blockRows, rows.rows-start))
			for i := range block {
				block[i] = start + i
			}
			cosines := make([]float32, len(block)*known.rows)
			rows.scores(block, known, cosines)
			for i, r := range block {
				own := cosines[i*known.rows:][:n.Known.Rows]
				if except != nil && except[r] >= 0 {
					own[except[r]] = float32(math.Inf(-1))
				}
				out[r] = meanDistance(own, n.Neighbors)
			}
			return nil
		})
	}
	_ = group.Wait() // computing cannot fail
	return out
}

// meanDistance is that of the count largest cosines.
func meanDistance(cosines []float32, count int) float64 {
	nearest := make([]float32, 0, count+1) // from the largest on
	for _, c := range cosines {
		if len(nearest) == count && c <= nearest[count-1] {
			continue
		}
		at := len(nearest)
		for at > 0 && nearest[at-1] < c {
			at--
		}
		nearest = slices.Insert(nearest, at, c)[:min(len(nearest)+1, count)]
	}
	sum := 0.0
	for _, c := range nearest {
		sum += math.Sqrt(max(0, 2-2*float64(c)))
	}
	return sum / float64(count)
}

// Novelties computes the novelty of each row of x; see Novelty. It is nil for a head that does not know.
func (h *Head) Novelties(x Matrix) ([]float64, error) {
	if h.Novelty == nil {
		return nil, nil
	}
	if err := x.validate(); err != nil {
		return nil, err
	}
	if x.Cols != h.Columns() {
		return nil, fmt.Errorf("head: rows of %d features for a head on %d", x.Cols, h.Columns())
	}
	d, all := describe(h.Layers), make([]float64, 0, x.Rows)
	for start := 0; start < x.Rows; start += describedRows {
		rows := make([]int, min(describedRows, x.Rows-start))
		for i := range rows {
			rows[i] = start + i
		}
		for _, distance := range h.Novelty.distances(d.all(x, rows), nil) {
			all = append(all, distance/h.Novelty.Cutoff)
		}
	}
	return all, nil
}

// describedRows is the number of rows that are described at a time, so that memory does not grow with theirs.
const describedRows = 4096

// NoveltyShare is how many of some images a head does not know.
type NoveltyShare struct {
	Images int `json:"images"`
	// Above is the number of those with a novelty above 1.
	Above int `json:"above_cutoff"`
	// Expected is the share of such images among those like the ones trained on.
	Expected float64 `json:"expected_share"`
	Median   float64 `json:"median"`
}

// NoveltyOf counts the rows of x that the head does not know; nil for a head that cannot tell.
func (h *Head) NoveltyOf(x Matrix) (*NoveltyShare, error) {
	all, err := h.Novelties(x)
	return h.NoveltyShare(all), err
}

// NoveltyShare counts what is above the cutoff in the result of Novelties; nil if that is none.
func (h *Head) NoveltyShare(novelties []float64) *NoveltyShare {
	if len(novelties) == 0 {
		return nil
	}
	all := slices.Sorted(slices.Values(novelties))
	above, _ := slices.BinarySearch(all, math.Nextafter(1, 2))
	return &NoveltyShare{len(all), len(all) - above, h.Novelty.Rate, (all[(len(all)-1)/2] + all[len(all)/2]) / 2}
}
