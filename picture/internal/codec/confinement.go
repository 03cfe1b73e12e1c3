package codec

import "sync/atomic"

// unconfined says that the system let a process keep the program's rights.
var unconfined atomic.Bool

// noteConfinement remembers whether a process could give up its rights.
func noteConfinement(confined bool) {
	if !confined {
		unconfined.Store(true)
	}
}

// Confined says whether all processes so far have given up the right to open files, start programs and use the network.
func Confined() bool { return !unconfined.Load() }
