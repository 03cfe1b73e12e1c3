// Package pipeline takes images from files to features, in one direction:
//
//	list -> feed -> decode -> preprocess -> batch -> infer -> write
//
// List finds the images and their labels: in files of their own, in Sources that hold many, such
// as archives, and in Stores, such as buckets. Run sends them through the stages, one file of
// this package each:
//
//	feed        one goroutine     hands out the items in order; reads those in sources and stores
//	decode      N workers         file to pixels of the model's input size
//	preprocess  (with batch)      pixels to the model's input values
//	batch       one goroutine     collects N images
//	infer       one or more       input values to features
//	write       one goroutine     features to the Sink
//
// Bounded queues between the stages let reading, inference and writing overlap while memory stays
// flat. The run is as fast as its slowest stage. Pixels is a Run that ends after decode and hands
// the pixels to a PixelSink.
//
// # Guarantees
//
// Every item ends as exactly one Row or one Failure, in the order of the items, whatever the
// number of workers. An unreadable image costs nothing but itself. When the context is cancelled,
// no new batch is started, and finished work is still written.
//
// A row or failure records what its bytes were read from (Seen): finding the same Seen again means
// finding the same bytes. A file that changes while it is read is read again. Items of a source
// that changed after it was listed fail. Comparison finds the images that differ from those of an
// earlier run. It trusts file systems that update the change time (ctime) on every change, and
// reads the files on all others. Writes through a memory mapping become visible at a time of the
// kernel's choosing: while a program writes like that, no change can be detected.
//
// An error of a store, a disk or the machine, as opposed to one of an image, ends the run like a
// cancellation, as a *StoreError: no image is reported as broken because of it.
//
// The package knows image files and queues. It must not know TensorFlow, Arrow or flags: the model
// is an Extractor, the dataset a Sink.
package pipeline
