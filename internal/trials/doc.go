// Package trials changes files at random, in the ways in which damage and malice do, and has them read under a limit
// of memory and time by a process of their own. It is for tests.
package trials
