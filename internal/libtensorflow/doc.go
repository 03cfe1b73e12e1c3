// Package libtensorflow loads TensorFlow's C library when it is first needed, instead of when the program
// starts: the dynamic linker needs 0.2 s of processor time for it, which commands that compute nothing can do
// without, and during which those that do can read images and weights.
//
// It has a function of its own for each one of the C API that the Go binding and this module call
// (calls_linux.h, made by go generate). Each finds the library's function of the same name when it is first
// called, and jumps there from then on. Since the linker finds these functions in the program, it has no need to
// name the library as one to load at the start: that takes the flag --as-needed, which scripts/deps.sh
// gives. Without it, all works the same, but for the time. So it does on other systems than Linux, where there
// are no such functions.
//
// The package knows the dynamic linker. It must not know what the library computes.
package libtensorflow

//go:generate go run ./generate
