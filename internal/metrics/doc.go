// Package metrics serves a program's metrics to Prometheus: a registry with the process's and Go's own, a
// handler, and an HTTP server for programs that have none. It knows nothing about what is counted.
package metrics
