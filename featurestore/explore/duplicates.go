package explore

import (
	"context"
	"fmt"

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
}

// DuplicateGroup is a group of rows, each a duplicate of another one in it.
type DuplicateGroup struct {
	// Kind is Exact if all files are the same, else Near.
	Kind string `json:"kind"`
	// Similarity is the lowest similarity of a row to the row most like it.
	Similarity float64 `json:"similarity"`
	Rows       []Row   `json:"rows"`
}

// Duplicates returns the groups of duplicates among the selected rows: of files with the same SHA-256, and of
// vectors with at least the threshold's cosine similarity, averaged over their positions, so that a mirror image is like
// the image. Every row is compared with every other one.
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
			rows = append(rows, Row{Row: b.Index[i], Path: r.Path, Label: r.Label})
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
	return group(rows, hashes, pairs), nil
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

// group makes groups of rows that pairs join.
func group(rows []Row, hashes []string, pairs []vectors.Pair) []DuplicateGroup {
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
			g.Rows = append(g.Rows, r)
		}
		groups = append(groups, g)
	}
	return groups
}
