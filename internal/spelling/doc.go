// Package spelling writes arbitrary bytes as UTF-8 so that they can be read back, and finds names that
// people would take for the same. File names on Unix, and with them the names of classes, may hold any
// bytes; columns of texts, JSON and tables for other programs may not.
//
// It knows UTF-8. It must not know what the names are of.
package spelling
