// Package labeltable reads tables that give pictures their labels, as people and programs write them, and finds the
// row of each picture: separators, encodings, the names and the order of columns, and how the paths in the table
// differ from those of the pictures are found out. What could mean two things is refused.
//
// It knows texts and paths. It must not know where pictures come from.
package labeltable
