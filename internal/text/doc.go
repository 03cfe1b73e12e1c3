// Package text writes numbers, sizes, shapes and tables for people.
//
// It knows formats. It must not know what the numbers mean.
package text
