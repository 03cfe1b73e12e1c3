// Package inputs finds the images that a command is given: files, directories, tar archives, Parquet
// tables of images, and URLs of any of these in an object store. It joins package pipeline, which
// knows how to list and to read, with packages objects and featurestore; it does not look at pixels.
package inputs
