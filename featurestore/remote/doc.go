// Package remote keeps datasets in object stores. A dataset is first written to a directory, from
// which its files are uploaded as they become final; to be read, it is fetched into a temporary
// directory.
//
// It knows the files of a dataset and their order, and package objects. It must not know what is in
// the files, nor models or flags.
//
// # Guarantees
//
// At any time, an object store holds under the name of a dataset what a directory could hold: first
// the manifest, saying "writing", then the shards in order, and last the manifest that says
// "complete". Every object appears whole or not at all. Whatever fails, the rows are in the store
// or in the directory, and a resumed run continues with both.
//
// Two writers of one dataset exclude each other by the object .fovea/lock, which is created only if
// there is none; its age is measured by the store's clock alone. The lock is a fence: a writer
// notes the state of an object, reads the lock, and then writes or deletes the object on condition
// that it is still in the noted state. So no write of a run whose lock another run has taken gets
// through, however long the run was stopped; it ends with a LostError. Stores that know no
// conditions (some that speak the S3 protocol) leave a window of one request in which it may, and
// distinguish writers that begin at the same moment only at their next requests.
//
// Fetching gives one dataset as the store held it at one time, or ErrReplaced. A store cannot
// exchange datasets in one step: a reader that comes while a dataset is being overwritten finds one
// that is being written, with the files finished so far.
package remote
