// Package extraction turns images into the rows of a dataset: it opens a model, runs the pipeline, and
// writes what comes out of it by way of package featurestore, to a directory or an object store. It
// knows what a run is, with its resuming and its failures, and knows nothing of flags and terminals.
package extraction
