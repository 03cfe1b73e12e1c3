// Package projection makes short vectors of long ones: by a sparse random matrix, which keeps the distances between
// vectors, and by principal components, which keep the directions in which certain images vary most.
//
// # Sparse random projections
//
// Of d values the matrix makes N. With m, the whole part of the square root of d, the values are divided into blocks of m,
// the last of which may be shorter. Result j adds or subtracts one value of each block: the one at position p, counted from
// the block's beginning (nothing, where that is beyond the last value), which is subtracted if s is 1. The sum, in
// float64 and in the order of the blocks, is multiplied by sqrt(m/N) and rounded to float32. For block b, p and s come
// from
//
//	h = splitmix64(key + (b N + j + 1) 0x9E3779B97F4A7C15)
//	p = (h >> 32) m >> 32        s = h & 1
//
// modulo 2^64, where splitmix64(z) is the finalizer of Steele, Lea and Flood's generator,
//
//	z = (z ^ z>>30) 0xBF58476D1CE4E5B9
//	z = (z ^ z>>27) 0x94D049BB133111EB
//	z ^ z>>31
//
// and key are the first eight bytes, little-endian, of the SHA-256 of the text "fovea sparse projection SEED d N", with
// decimal numbers. All of it is arithmetic on whole numbers, except for sums in a fixed order: the same on all machines.
//
// Each entry of the matrix is not zero with probability 1/m, and its sign is random, as in Li, Hastie and Church, "Very
// sparse random projections" (2006), and in scikit-learn's SparseRandomProjection with its default density. That each
// result takes one value from every block, rather than sqrt(d) from anywhere, changes neither the mean of a squared
// distance, which is that before the projection, nor the bound of its variance,
//
//	(2 |x|^4 + (m - 3) sum of x_i^4) / N
//
// It makes the matrix a list of positions: two bytes for each entry that is not zero.
//
// The package knows numbers, its file and how recipes write projections. It must not know models or images.
package projection
