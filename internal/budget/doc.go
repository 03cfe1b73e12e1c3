// Package budget bounds the memory that reading a file may take. A file that somebody else wrote may claim,
// in a few bytes, to hold gigabytes; its reader charges what it is about to allocate, and gets an error
// instead of the memory where the file could not honestly need it.
//
// It knows how much memory there is, and sizes of files. It must not know formats.
package budget
