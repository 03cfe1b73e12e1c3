// Package scratch places tables that are larger than memory in temporary files that are mapped into
// memory: the operating system keeps there what fits and writes the rest to disk. The files have no
// names, so they disappear with the process, however it ends.
//
// It knows memory and files. It must not know what the numbers mean.
package scratch
