// Package vectors computes over streams of feature vectors: statistics, exact nearest
// neighbours, near duplicates, and principal components.
//
// It sees blocks of numbers, one after the other, and never needs all of them in memory. It
// knows neither files nor pictures: whoever calls it says where blocks come from and what
// the rows mean.
package vectors
