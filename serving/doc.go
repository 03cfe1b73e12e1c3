// Package serving predicts the classes of images with a head and its model:
//
//	file bytes -> decode -> preprocess -> features -> head -> probabilities
//
// A Predictor does all of it, for finetune predict, serve and export. A Featurizer stops at the
// features, which is what a search for similar images needs. Around them are the choice of a label
// and of the probabilities shown (Decision), the writers of predictions as CSV, JSON and Parquet
// (Writer), the HTTP server that computes the images of several clients together, with its page and other servers'
// protocols (Server), and the comparison of an exported SavedModel with the Predictor it was made from.
//
// The package knows heads, models, the pipeline and the formats of predictions. It must not know
// flags or terminals, or how heads are trained.
package serving
