// Package pipeline takes pictures from files to features, in one direction:
//
//	file -> decode -> preprocess -> batch -> infer -> write
//
// List finds the pictures and their labels, in files of their own and in Sources that hold
// many, such as tar archives, and in Stores, such as buckets. Run carries them through the stages, each of
// which is one file of this package:
//
//	feed      one goroutine    hands out the items in order, and reads those in sources and stores
//	decode    N workers        file to pixels of the model's size
//	batch     one goroutine    pixels to the model's numbers, N pictures together
//	infer     one or more      numbers to features
//	write     one goroutine    features to the Sink
//
// Queues between the stages are bounded, so that reading, inference and writing overlap
// while memory stays flat, and the whole job runs at the speed of its slowest stage.
//
// # What may be relied on
//
// Every item ends as exactly one Row or one Failure, in the order of the items, however
// many workers there are. A picture that cannot be read costs nothing but itself. When the
// context is cancelled, no new batch is begun; what has been computed is still written.
//
// A row or failure tells what its bytes were read from (Seen), in such a way that whoever finds the same
// again has the same bytes before him. A file that changes while it is read is read again. The
// items of a source that is not what was listed any more fail. Comparison
// finds the pictures that are others than those of an earlier run. It relies on the file systems
// that set the time of a change (ctime) with every change, and reads what lies in others. Writing through a mapping
// of memory is a change at a time of the system's choosing: while a program does that, nobody can tell.
//
// An error that is not a picture's, but that of a store, a disk or the machine, ends the run in the
// same way, as a *StoreError: no picture is taken for a broken one by it.
//
// The package knows picture files and queues. It must not know TensorFlow, Arrow or flags:
// the model is an Extractor, the dataset a Sink.
package pipeline
