package picture

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is what the thread has taken of all processors.
func threadTime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		return wallTime()
	}
	return time.Duration(now.Nano())
}
