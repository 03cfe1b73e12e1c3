package codec

import "os"

// limitMemory leaves the bounds to the libraries: the system counts no data.
func limitMemory(int64) {}

func widen(*os.File) {}

func prepare() {}

// confine: the libraries run with the rights of the program.
func confine() bool { return false }
