// Package jpeg2000 reads the structure of JPEG 2000 files and codestreams: how large the image is, which components it
// has, what they stand for, and whether all its tiles are there. It decodes nothing, so it is safe to ask before the
// decoder is let near a file.
//
// The package knows boxes and markers (ISO/IEC 15444-1, -2 and -15). It must not know pixels.
package jpeg2000
