// Package output gives files their names when they are whole and on disk, and not before: whoever
// looks at a name finds what was there before, or all of the new one. (Package swap does so for
// directories.)
//
// What is being written lies in a place beside its name, the hidden directory .NAME.fovea-1 (or -2,
// -3 where several programs write it at a time), which is removed at the end. A program that is
// killed leaves its place behind, and the next one that writes the same name removes it.
//
// # Who may remove what
//
// Whoever holds the lock (flock) of the file "lock" in a place owns the place and all in it. The
// system gives the lock up when a process ends, however it ends, so a place whose lock can be had
// is a dead one's. Nothing is done in a place without its lock, with one exception: where the file
// system has no locks, a program uses a place that it has made itself, and lets all others be.
//
// # Names that are not replaced
//
// Pipes, devices and what is open already (/dev/stdout) are written as they are. A link is followed:
// what it points to is replaced. The new file has the mode of the old one; a file that may not be
// written to is refused.
//
// The package knows files and locks. It must not know what is written.
package output
