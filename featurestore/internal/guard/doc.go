// Package guard makes reading and writing through Arrow safe: Arrow panics on some failed writes
// and on damaged files, asks for as much memory as a damaged file claims, and waits for ever for
// values that are not there. It knows files and Arrow's behaviour; it knows nothing of datasets or
// tables of images.
package guard
