package picture

import "time"

var began = time.Now()

// wallTime takes the place of the processor's time where that cannot be had.
func wallTime() time.Duration { return time.Since(began) }
