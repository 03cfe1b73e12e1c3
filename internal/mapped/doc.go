// Package mapped keeps blocks of numbers in files, from which later processes map them into memory instead of computing
// them: that takes a thousandth of a second for 100 MB, and processes share the memory.
//
// A block is written when it is computed for the second time, so that a program that runs once in a container writes
// nothing but empty files. It is used only while the system has all of it in memory: what is first read from a disk may
// come later than what is computed. A checksum finds blocks that are damaged or half-written.
//
// It knows files and pages. It must not know what the numbers mean: the key of a block names all that it depends on.
package mapped
