// Package lockfile grants a right to one process at a time, by locking a file. The lock ends with the
// process, however that ends. The file is removed along with the lock, so that finished work contains
// no trace of it.
//
// It knows flock. It must not know what the right is for.
package lockfile
