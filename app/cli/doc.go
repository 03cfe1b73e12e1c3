// Package cli is what the commands share: exit statuses, logging, progress, signals, and
// the way from a recipe to a pipeline's configuration. It knows terminals and flags and no
// more of the work than the pipeline's surface.
package cli
