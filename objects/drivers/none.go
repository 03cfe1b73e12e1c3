//go:build nocloud

// Package drivers is empty in programs without object stores.
package drivers
