//go:build !linux

package picture

import "time"

func threadTime() time.Duration { return wallTime() }
