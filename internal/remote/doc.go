// Package remote keeps datasets in object stores. One that is written is written to a directory
// first, out of which its files go to the store as they become final; one that is read is
// fetched into a temporary directory.
//
// It knows the files of a dataset and their order, and package objects. It must not know what is
// in the files, nor models or flags.
//
// # What may be relied on
//
// What an object store holds under the name of a dataset is at any time what a directory could
// hold: the manifest comes first, saying "writing", then the shards in their order, and last the
// manifest that says "complete". Every object appears whole or not at all. Whatever fails, the
// rows are in the store or in the directory, and resuming goes on with both.
//
// Two writers of one dataset refuse each other by the object .fovea/lock, which is created only where
// there is none. Stores that cannot do that (some that speak the protocol of S3) tell writers
// that begin at different times from each other, not those that begin in the same moment.
package remote
