// Package typo finds the name that a mistyped one was meant to be.
//
// It knows edit distances. It must not know what the names stand for.
package typo
