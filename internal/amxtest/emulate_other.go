//go:build !linux || !amd64

package amxtest

import "errors"

// Emulate always fails here.
func Emulate() error { return errors.New("amxtest: only on Linux and amd64") }
