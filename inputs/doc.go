// Package inputs finds the images that a command is given: files, directories, tar archives, Parquet
// tables of images, and URLs of any of these in an object store.
//
// It joins package pipeline, which lists and reads, with packages objects and imagetable. It knows
// where images are and must not know what is done with them: models, datasets or pixels.
package inputs
