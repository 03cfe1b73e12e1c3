// Package budget bounds the memory that reading a file may take. A file that somebody else wrote may claim,
// in a few bytes, to hold gigabytes; its reader charges what it is about to allocate, and gets an error
// instead of the memory where the file could not honestly need it.
//
// It knows how much memory there is, sizes of files, and what the values of a JSON text take at most. It must not know
// other formats.
package budget
