// Package trials changes files at random, in the ways in which damage and malice do, and has them read under a limit
// of memory and time by a process of their own. FOVEA_TRIALS=10 reads ten times as many. It is for tests.
//
// It knows bytes, archives and processes. It must not know what the files are or how they are read.
package trials
