// Package umap lays rows of numbers out in the plane so that rows that are alike lie together: UMAP (McInnes, Healy
// and Melville, 2018), with the cosine of the angle between rows and in two dimensions.
//
// It knows vectors and their neighbours. It must not know files, images or labels, or how a map is drawn.
//
// # How a map is made
//
// First, the neighbours of each row are found (vectors.Table); a row counts as its own first neighbour, as in
// umap-learn. Second, each neighbour gets a weight that falls with its distance 1 - cosine, from 1 for the
// nearest one, so that the weights of a row add up to the logarithm of the number of neighbours to base 2; weights
// of both directions are joined to one, a + b - a b. Third, the rows start where their first two principal
// components place them. Fourth, for some hundred epochs neighbours attract each other, as often as their
// weights say, and rows chosen at random repel each other, by steps that become smaller.
//
// As in umap-learn, an edge moves both of its rows. That two edges never move one row at the same time, the rows are
// in 16 blocks, which meet in pairs, 8 of them at the same time, until each has met each other. Rows that repel are where
// they were before the epoch. So the map depends on the rows, the options and the seed, but neither on the number of CPUs
// nor on their instructions.
package umap
