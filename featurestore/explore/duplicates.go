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
	// File tells of the file of a row, by its path and SHA-256 as the dataset has them. Nil knows none.
	File func(path, sha256 string) File
}

// File is what is known of a row's file. The zero value knows nothing.
type File struct {
	// Bytes is its size, 0 if that is not known.
	Bytes int64
	// Real names the file itself, in the same way for all links to it, "" if that is not known.
	Real string
	// Gone says that it is not there any more, Changed that its content is another one now.
	Gone, Changed bool
}

// DuplicateGroup is a group of rows, each a duplicate of another one in it.
type DuplicateGroup struct {
	// Kind is Exact if all files are the same, else Near.
	Kind string `json:"kind"`
	// Similarity is the lowest similarity of a row to the row most like it.
	Similarity float64 `json:"similarity"`
	// Conflict says that two of the rows have different labels.
	Conflict bool `json:"conflict"`
	// Keep is the place in Rows of the largest copy of those whose files are still what they were: that of most pixels, of
	// equal ones that of most bytes, of equal ones one with a label, of these that whose path is the first. -1 if labels
	// conflict, because then the label to keep is to be decided first.
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
		near, err := vectors.Pairs(ctx, streamed(d, layer, scan, nil).Averaged(layer.Channels()), vectors.PairOptions{Threshold: options.Threshold})
		if err != nil {
			return nil, fmt.Errorf("compare the rows: %w", located(err, rows))
		}
		pairs = append(pairs, near...)
	}
	return group(rows, hashes, pairs, options.File), nil
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
func group(rows []Row, hashes []string, pairs []vectors.Pair, file func(path, sha256 string) File) []DuplicateGroup {
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
			if file != nil {
				f := file(r.Path, hashes[row])
				r.Bytes, r.Gone, r.Changed, r.Real = f.Bytes, f.Gone, f.Changed, f.Real
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
		if cmp.Or(r.standing()-k.standing(), cmp.Compare(r.Width*r.Height, k.Width*k.Height), cmp.Compare(r.Bytes, k.Bytes), r.labelled()-k.labelled(), cmp.Compare(k.Path, r.Path)) > 0 {
			g.Keep = i
		}
	}
}

// standing is 1 for a row whose file is what it was, as far as is known, else 0.
func (r Row) standing() int {
	if r.Gone || r.Changed {
		return 0
	}
	return 1
}

// labelled is 1 for a row with a label, else 0.
func (r Row) labelled() int { return min(len(r.Label), 1) }

func (g *DuplicateGroup) rank() int {
	if g.Conflict {
		return 0
	}
	return 1
}

// Others counts the rows of WriteOthers, and what it leaves out: groups whose labels conflict, rows whose files have
// changed, rows with a label where the one to keep has none, and links to the file that is kept.
type Others struct{ Copies, Conflicts, Changed, Labelled, Links int }

// WriteOthers writes a table in CSV of the copies that are not the largest of their group: their path, the path of the one
// to keep, the group's kind and the row's similarity. Whoever deletes the files that it lists still has those to keep, and
// their labels.
func WriteOthers(w io.Writer, groups []DuplicateGroup) (n Others, err error) {
	table := csv.NewWriter(w)
	if err := table.Write([]string{"path", "keep", "kind", "similarity"}); err != nil {
		return n, err
	}
	for _, g := range groups {
		if g.Conflict {
			n.Conflicts++
			continue
		}
		keep := g.Rows[g.Keep]
		for i, r := range g.Rows {
			switch {
			case i == g.Keep:
				continue
			case r.Changed:
				n.Changed++
				continue
			case r.labelled() > keep.labelled():
				n.Labelled++
				continue
			case r.Real != "" && r.Real == keep.Real:
				n.Links++
				continue
			}
			n.Copies++
			if err := table.Write([]string{featurestore.EscapeText(r.Path), featurestore.EscapeText(keep.Path), g.Kind, strconv.FormatFloat(r.Similarity, 'f', 6, 64)}); err != nil {
				return n, err
			}
		}
	}
	table.Flush()
	return n, table.Error()
}
