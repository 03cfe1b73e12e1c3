package cli

import (
	"os"
	"runtime"
	"runtime/debug"
)

// firstCollection is how much memory Go has when it first collects garbage, in bytes.
const firstCollection = 80 << 20

// putOffCollections puts off the next collection of garbage until Go has some memory, and changes nothing after it. While
// a program starts, most of what it allocates stays in use: half a dozen collections on the way there would find next to
// nothing, and take a tenth of the time until the first row. GOGC in the environment is obeyed, and so is GOMEMLIMIT.
func putOffCollections() {
	if os.Getenv("GOGC") != "" {
		return
	}
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(-1)
	debug.SetMemoryLimit(min(limit, firstCollection))
	type collected struct{ _ *byte } // in memory of its own, as it has a pointer
	runtime.AddCleanup(new(collected), func(percent int) {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}, percent)
}
