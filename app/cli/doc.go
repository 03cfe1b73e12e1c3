// Package cli holds what the programs have in common on a terminal: exit statuses, flags and their values,
// suggestions for mistyped names, results as tables or JSON, logging, progress, signals, help and manual pages.
//
// It knows terminals and flags. Of the libraries it knows what flags turn into (a session of
// inference, a preprocessing, where labels come from) and how far a run of the pipeline is; it opens no
// models, reads no images and no datasets.
package cli
