// Package vectors computes over streams of feature vectors: statistics, exact nearest
// neighbours, near duplicates, principal components, and the neighbours of all rows.
//
// It sees blocks of numbers, one after another, and never needs all of them in memory, but for a Table. It knows
// neither files nor images: the caller supplies the blocks and knows what the rows mean.
//
// # How pairs are found
//
// Pairs compares every row with every later one, in three stages. Each lets through more than the next,
// and none of them loses a pair.
//
// The first has the most to do. Each row, scaled to length 1, becomes q/s: whole numbers q of 7 or 8 bits
// and a scale s. What that leaves of the row is another vector e, whose length r is computed. The cosine of
// two rows is the product of q/s + e with q'/s' + e', and by Cauchy and Schwarz
//
//	cosine <= q.q'/(s s') + r (1 + r') + r'
//
// so that rows whose q.q' is below s s' (threshold - r (1 + r') - r') are not similar. The products are
// exact in integers of 32 bits: s is at most 40,000, so that the lengths of q are about as small, and sums
// that wrap around on their way end where they should. The instructions are those of AVX-512 VNNI (64
// products each), AVX2, or what the compiler makes of C. The comparison is in float32 and allows for 5e-6
// of rounding.
//
// After a quarter of the columns, a tile of 12 by 32 rows is left if the rest cannot make any pair of it
// similar, which adds at most the product of the lengths of the rest. Where that rules out little, it is
// not tried for a while.
//
// The second stage computes the cosines of what is left in float64, in any order of the columns, and
// lets through what is similar but for rounding. The third computes them once more in the order of the
// columns, as Cosine does; so results do not depend on instructions, blocks, memory or the number of CPUs.
//
// # How the neighbours of all rows are found
//
// Table.Graph compares every row with every other one by the same products, once for both. Here the whole numbers are
// the same for all instructions, and so are the products. Each row keeps its 2k+4 best by them, among equal ones
// those of the first rows, so that the order in which rows meet does not matter. Errors of whole numbers mostly
// cancel each other out over hundreds of columns: on features of 512 columns, no neighbour of 2,800 that were checked
// was missed. There is no bound as for pairs, which would let through hundreds of rows where neighbours are
// alike.
package vectors
