// Package disk puts names and files on disk, so that a power cut does not undo what a program has
// reported as done, and tells how much room there is.
//
// It knows fsync and file systems. It must not know what the files hold.
package disk
