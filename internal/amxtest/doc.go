// Package amxtest computes AMX's instructions in software, for tests: on a processor without them, the
// system ends a program that meets one by a signal (SIGILL), whose handler here does what the
// instruction would have done. So it is the very code of package convolution that is tested, on any
// processor with AVX-512. Each instruction takes about a microsecond instead of some nanoseconds.
//
// What the instructions compute is written down as Intel's Software Developer's Manual has it
// (volume 2, TDPBF16PS and the others). Rounding in between is not part of the instructions' contract for
// bfloat16: sums that are not exact may differ from a processor's in the last bits.
//
// The package knows instructions and signals. It must not know what they are used for, and no program
// may import it: only tests.
package amxtest
