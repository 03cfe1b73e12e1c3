// Package text writes numbers, sizes, shapes and tables for people, and fits tables and helps into their terminals.
//
// It knows formats. It must not know what the numbers mean.
package text
