// Package typo finds the name that was meant by a mistyped one.
//
// It knows edit distances and nothing about what the names are of.
package typo
