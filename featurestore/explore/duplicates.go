package explore

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"fovea/featurestore"
	"fovea/vectors"
)

// The kinds of duplicates.
const (
	Exact = "exact" // files with the same bytes
	Near  = "near"  // similar features
)

// DuplicateOptions say which rows are duplicates.
type DuplicateOptions struct {
	// Threshold is the least cosine similarity of near duplicates, above 0, at most 1. 0 looks for exact
	// ones only.
	Threshold float64
	// Bytes is the size of the file of a path, as the dataset has it, in bytes, 0 if that is not known. Nil knows none.
	Bytes func(path string) int64
}

// DuplicateGroup is a group of rows, each a duplicate of another one in it.
type DuplicateGroup struct {
	// Kind is Exact if all files are the same, else Near.
	Kind string `json:"kind"`
	// Similarity is the lowest similarity of a row to the row most like it.
	Similarity float64 `json:"similarity"`
	// Conflict says that two of the rows have different labels.
	Conflict bool `json:"conflict"`
	// Keep is the place in Rows of the largest copy: that of most pixels, of equal ones that of most bytes, of equal ones that
	// whose path is the first. -1 if labels conflict, because then the label to keep is to be decided first.
	Keep int   `json:"keep"`
	Rows []Row `json:"rows"`
}

// Duplicates returns the groups of duplicates among the selected rows: of files with the same SHA-256, and of
// vectors with at least the threshold's cosine similarity, averaged over their positions, so that a mirror image is like
// the image. Every row is compared with every other one. Groups whose labels conflict come first.
func Duplicates(ctx context.Context, d *featurestore.Dataset, s Selection, options DuplicateOptions) ([]DuplicateGroup, error) {
	layer, scan, err := s.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	var rows []Row // in the order of the scan
	var hashes []string
	without := scan
	without.Layers = []string{}
	err = d.Scan(ctx, without, func(b *featurestore.Batch) error {
		for i, r := range b.Rows {
			rows = append(rows, rowOf(b.Index[i], r))
			hashes = append(hashes, r.SHA256)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	pairs := samePairs(hashes)
	if options.Threshold > 0 {
		near, err := vectors.Pairs(ctx, Vectors(d, layer, scan, nil).Averaged(layer.Channels()), vectors.PairOptions{Threshold: options.Threshold})
		if err != nil {
			return nil, fmt.Errorf("compare the rows: %w", located(err, rows))
		}
		pairs = append(pairs, near...)
	}
	return group(rows, hashes, pairs, options.Bytes), nil
}

// samePairs pairs each row with the first one that has the same hash.
func samePairs(hashes []string) []vectors.Pair {
	var pairs []vectors.Pair
	first := map[string]int{}
	for row, hash := range hashes {
		if at, ok := first[hash]; ok && hash != "" {
			pairs = append(pairs, vectors.Pair{A: at, B: row, Similarity: 1})
		} else {
			first[hash] = row
		}
	}
	return pairs
}

// group makes groups of rows that pairs join, those whose labels conflict first.
func group(rows []Row, hashes []string, pairs []vectors.Pair, bytes func(string) int64) []DuplicateGroup {
	best := map[int]float64{} // the highest similarity of a row with any other one
	for _, p := range pairs {
		for _, row := range []int{p.A, p.B} {
			best[row] = max(best[row], p.Similarity)
		}
	}
	groups := []DuplicateGroup{}
	for _, members := range vectors.Groups(pairs) {
		g := DuplicateGroup{Kind: Exact, Similarity: 1}
		for _, row := range members {
			if hashes[row] != hashes[members[0]] || hashes[row] == "" {
				g.Kind = Near
			}
			g.Similarity = min(g.Similarity, best[row])
			r := rows[row]
			r.Similarity = best[row]
			if bytes != nil {
				r.Bytes = bytes(r.Path)
			}
			g.Rows = append(g.Rows, r)
		}
		g.decide()
		groups = append(groups, g)
	}
	slices.SortStableFunc(groups, func(a, b DuplicateGroup) int { return a.rank() - b.rank() })
	return groups
}

// decide finds out whether the labels conflict, and otherwise which row to keep.
func (g *DuplicateGroup) decide() {
	label := ""
	for _, r := range g.Rows {
		g.Conflict = g.Conflict || label != "" && r.Label != "" && r.Label != label
		label = cmp.Or(label, r.Label)
	}
	if g.Conflict {
		g.Keep = -1
		return
	}
	for i, r := range g.Rows {
		k := g.Rows[g.Keep]
		if cmp.Or(cmp.Compare(r.Width*r.Height, k.Width*k.Height), cmp.Compare(r.Bytes, k.Bytes), cmp.Compare(k.Path, r.Path)) > 0 {
			g.Keep = i
		}
	}
}

func (g *DuplicateGroup) rank() int {
	if g.Conflict {
		return 0
	}
	return 1
}

// WriteOthers writes a table in CSV of the copies that are not the largest of their group: their path, the path of the one
// to keep, the group's kind and the row's similarity. It leaves out groups whose labels conflict, and returns the number of
// its rows and of these groups.
func WriteOthers(w io.Writer, groups []DuplicateGroup) (copies, conflicts int, err error) {
	table := csv.NewWriter(w)
	if err := table.Write([]string{"path", "keep", "kind", "similarity"}); err != nil {
		return 0, 0, err
	}
	for _, g := range groups {
		if g.Conflict {
			conflicts++
			continue
		}
		keep := featurestore.EscapeText(g.Rows[g.Keep].Path)
		for i, r := range g.Rows {
			if i == g.Keep {
				continue
			}
			copies++
			if err := table.Write([]string{featurestore.EscapeText(r.Path), keep, g.Kind, strconv.FormatFloat(r.Similarity, 'f', 6, 64)}); err != nil {
				return copies, conflicts, err
			}
		}
	}
	table.Flush()
	return copies, conflicts, table.Error()
}
