//go:build nocloud

package drivers
