// Package layers tests the structure of the module: which package may know which, how large the
// commands may become, and that every package says what it knows.
//
// It has no code outside its tests. It knows the floors, not what happens on them.
package layers
