// Package metrics shows Prometheus what the commands do: a registry of a command's own with
// the process's and Go's metrics, the metrics of an extraction, and a server for them. It knows
// the pipeline's counters and nothing of the work.
package metrics
