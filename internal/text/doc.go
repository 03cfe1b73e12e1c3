// Package text writes numbers, sizes, shapes and tables for people.
//
// It knows how they look. It must not know what they are of.
package text
