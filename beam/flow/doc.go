// Package flow extracts features on an engine of many machines, through Apache Beam:
//
//	list -> reshuffle -> extract -> group -> commit
//
// The list stage finds the pictures and cuts them, in order, into tasks of some hundred. The
// reshuffle spreads the tasks over the workers and keeps the engine from repeating the list.
// The extract stage carries a task's pictures through package pipeline, as extract does on
// one machine, to a part: a small dataset in a directory of its own, with a shard or two. So
// decoding, batching, inference and writing overlap within a worker, and no pixel or feature
// travels between machines. The commit stage makes the dataset of the parts' files, without
// rewriting them, and writes its manifest, once.
//
// # What may be relied on
//
// The rows are those of a run on one machine, in the same order. A part is written under a
// name of its own attempt and gets its final name in one step, when it is whole; a second
// attempt that comes later finds the name taken and gives way. So tasks may be repeated,
// also at the same time, and no row comes twice. A job that failed, started again, finds the
// finished parts and goes on with the others.
//
// All machines must see the pictures and the output directory under the same names.
//
// The package knows Beam's model and the pipeline. It must not know engines or flags.
package flow
