// Package layers tests the structure of the module: which package may know which, how large the
// commands may become, and that every package says what it knows.
//
// It has no code of its own. It knows the floors and must not know what happens on them.
package layers
