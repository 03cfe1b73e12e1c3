//go:build !linux || !amd64

package inference

import "errors"

// AMX is nil where this process can compute in the tiles of AMX.
func AMX() error { return errors.New("inference: AMX is used on Linux and amd64 alone") }
