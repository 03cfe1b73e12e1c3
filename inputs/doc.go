// Package inputs finds the images that a command is given: files, directories, archives, Parquet tables
// of images, and URLs of any of these in an object store.
//
// It joins package pipeline, which lists and reads, with packages objects and imagetable. It knows
// where images are. It must not know what they are used for: models, datasets or pixels.
package inputs
