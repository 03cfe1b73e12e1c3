// Package vectors computes over streams of feature vectors: statistics, exact nearest
// neighbours, near duplicates, and principal components.
//
// It sees blocks of numbers, one after another, and never needs all of them in memory. It knows
// neither files nor images: the caller supplies the blocks and knows what the rows mean.
package vectors
