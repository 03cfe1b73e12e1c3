// Package models finds the model that a name on the command line stands for: the one that ships, one
// whose weights were imported, or a SavedModel's directory.
//
// It knows all kinds of models and joins them; packages that know one kind must not know the others, and
// package inference runs them all alike. It must not know datasets, pipelines or flags.
package models
