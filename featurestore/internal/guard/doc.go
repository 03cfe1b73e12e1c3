// Package guard makes reading and writing through Arrow safe: Arrow panics on some failed writes
// and on damaged files, allocates as much memory as a damaged file claims, and waits forever for
// missing values.
//
// It knows files and how Arrow behaves. It must not know datasets or tables of images.
package guard
