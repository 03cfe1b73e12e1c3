// Package flow extracts features on an engine of many machines, through Apache Beam:
//
//	list -> reshuffle -> extract -> group -> commit
//
// The list stage finds the images and cuts them, in order, into tasks of a few hundred. The reshuffle
// spreads the tasks over the workers and keeps the engine from repeating the list. The extract stage runs a
// task's images through package pipeline, as extract does on one machine, and makes a part: a small dataset in
// a directory of its own. So decoding, batching, inference and writing overlap within a worker, and no pixels
// or features travel between machines. The commit stage makes the dataset from the parts' files, without
// rewriting them, and writes its manifest, once.
//
// # Guarantees
//
// The rows are those of a run on one machine, in the same order. Each attempt at a part writes under a name of
// its own, and the part gets its final name in one step, when it is complete; an attempt that comes later finds
// the name taken and gives way. So tasks may be repeated, even at the same time, and no row appears twice. A
// job that failed and is started again finds the finished parts and continues with the others.
//
// All machines must see the images and the output directory under the same names.
//
// The package knows Beam's model and, through package extraction, the pipeline. It must not know engines or
// flags.
package flow
