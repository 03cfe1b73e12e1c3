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
// umap-learn moves both ends of an edge at once, so that the order in which edges are seen decides the map.
// Here each row moves itself only. The rows are in 8 groups. While the rows of a group move, all others rest, and those
// of the group see each other where they were before. So all rows of a group may move at the same time: the map
// depends on the rows, the options and the seed, but neither on the number of CPUs nor on their instructions.
package umap
