// Package models finds the model that a name on the command line stands for: the one that ships, one whose
// weights were imported, or a SavedModel's directory. It opens, describes and checks models, and fetches and
// imports weights.
//
// It is the one place that knows all kinds of models (packages vgg and savedmodel); package inference runs
// them all alike. It knows nothing about datasets, runs or flags.
package models
