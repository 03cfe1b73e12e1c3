// Package swap replaces a directory by a complete new one, so that at any time one of the two is there,
// whatever fails.
//
// It knows directories and locks. It must not know what they hold.
package swap
