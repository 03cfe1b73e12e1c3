// Package output gives files their names once they are whole and on disk, and not before: a reader
// finds either the old file or all of the new one. (Package swap does the same for directories.)
//
// An unfinished file lies beside its final name in the hidden directory .NAME.fovea-1 (or -2, -3 if
// several programs write it at once), which is removed at the end. A program that is killed leaves
// its directory behind, and the next one that writes the same name removes it.
//
// # Who may remove what
//
// Whoever holds the lock (flock) of the file "lock" in such a directory owns it and everything in
// it. The system releases the lock when a process ends, however it ends, so a directory whose lock
// can be taken belongs to a dead process. Nothing is done in a directory without its lock, with one
// exception: where the file system has no locks, a program uses a directory that it made itself and
// leaves all others alone.
//
// # Names that are not replaced
//
// Pipes, devices and open descriptors (/dev/stdout) are written directly. A link is followed: its
// target is replaced. The new file has the mode of the old one; a file without write permission is
// refused.
//
// The package knows files and locks. It must not know what is written.
package output
