// Package swap replaces a directory with a complete new one, so that one of the two is there at any time,
// whatever fails.
//
// It knows directories and locks. It must not know what they hold.
package swap
