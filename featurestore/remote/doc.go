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
// there is none; how old it is says the store's clock alone. It is a fence: what is under a name is noted,
// the lock is read, and then the object is written or deleted on condition that it be the one that was
// noted. So nothing comes through of a writer whose lock another one has taken in the meantime, however long
// it was stopped; it ends with a LostError. Stores that know no conditions (some that speak the protocol of
// S3) leave the time of one request in which it may, and tell writers that begin in the same moment from
// each other only at their next requests.
//
// What is fetched is one dataset as the store held it at one time, or else ErrReplaced. A store has no
// exchange in one step: a reader that comes while a dataset is overwritten finds one that is being written,
// with the files that are finished.
package remote
