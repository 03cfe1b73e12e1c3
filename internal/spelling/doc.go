// Package spelling writes arbitrary bytes as UTF-8 so that they can be read back, and finds names that
// people would take for the same one. File names on Unix, and hence the names of classes, may hold any
// bytes; text columns, JSON and tables for other programs may not.
//
// It knows UTF-8. It must not know what the names stand for.
package spelling
