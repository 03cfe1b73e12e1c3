package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Sample chooses n of the items, always the same ones for a seed. A larger sample holds
// the smaller ones, so that a dataset can be begun with a few pictures and grown. The order
// stays; n of 0 or less, or of all items and more, means all.
func Sample(items []Item, n int, seed uint64) []Item {
	if n <= 0 || n >= len(items) {
		return items
	}
	// The items are ordered by a hash of their path, which does not depend on what other
	// items there are.
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
