// Package inputs finds the images that a command is given: files, directories, archives, Parquet tables
// of images, and URLs of any of these in an object store.
//
// It joins package pipeline, which lists and reads, with packages objects and imagetable, and with frames and tiles,
// which make several images of one file: an animation, a video, a large scene. It knows where images are. It must not
// know what they are used for: models or datasets.
package inputs
