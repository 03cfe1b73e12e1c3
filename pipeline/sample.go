package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Sample chooses n of the items, always the same ones for a seed. A larger sample contains the
// smaller ones, so that a dataset can start with a few images and grow. The order is kept. If n is
// below 1 or at least the number of items, it returns all.
func Sample(items []Item, n int, seed uint64) []Item {
	if n <= 0 || n >= len(items) {
		return items
	}
	// Items are chosen by a hash of their path, independently of the other items.
	type ranked struct {
		index int
		rank  [sha256.Size]byte
	}
	order := make([]ranked, len(items))
	for i, item := range items {
		key := append(binary.LittleEndian.AppendUint64(nil, seed), item.Path...)
		order[i] = ranked{i, sha256.Sum256(key)}
	}
	slices.SortFunc(order, func(a, b ranked) int {
		return cmp.Or(slices.Compare(a.rank[:], b.rank[:]), cmp.Compare(a.index, b.index))
	})
	order = order[:n]
	slices.SortFunc(order, func(a, b ranked) int { return cmp.Compare(a.index, b.index) })
	chosen := make([]Item, n)
	for i, r := range order {
		chosen[i] = items[r.index]
	}
	return chosen
}
