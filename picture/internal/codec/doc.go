// Package codec decodes AVIF by libavif (with dav1d), HEIF by libheif (with libde265), JPEG 2000 by OpenJPEG and JPEG
// XL by libjxl, which it loads when the first such image comes. They are written in C and C++ and read hostile files,
// so they run in processes of their own, one for each image that is decoded at a time: a file that crashes one costs
// itself only, memory and processor time are bounded from outside, and nothing of the libraries is ever mapped into the
// program itself. On Linux such a process gives up, before it sees a file, the right to open files, to start programs,
// to use the network and to reach other processes; its environment has no secrets.
//
// The process is the program once more, with a variable in its environment by which this package's init takes over
// before main. It gets files through its standard input, and returns pixels through a pipe, until its input ends; so it
// ends with the program, whatever becomes of that. One that has had nothing to do for ten seconds is let go.
//
// The libraries are of pinned versions (scripts/codecs.sh) and never the system's: a picture has the same pixels on
// every machine. They are looked for in the directory that FOVEA_CODECS names; else in lib, beside the program or
// beside its directory; else in the cache, where scripts/codecs.sh puts them.
//
// The package knows how to call the libraries. It must not know how files are structured, nor what its caller makes of
// the pixels.
package codec
