// Package explore answers questions about the rows of a dataset: what they hold, which are alike, which are
// duplicates, and how they lie in the plane of their principal components.
//
// It joins datasets (package featurestore) with the mathematics of vectors (package vectors). It knows nothing
// about models, image files, terminals or flags.
package explore
