// Package metrics serves a program's metrics to Prometheus: a registry with the process's and Go's own, a
// handler, and a server of its own for programs that have none. It knows nothing of what is counted.
package metrics
