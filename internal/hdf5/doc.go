// Package hdf5 reads arrays of numbers and the texts of attributes from HDF5 files.
//
// It covers what the writers of weights files produce, from the earliest to the latest
// format that the HDF5 library can be told to write (libver): superblocks 0 to 3, both
// kinds of object headers, groups of symbol tables, of links and of dense links, compact,
// contiguous and chunked layouts with every chunk index, and the filters gzip, shuffle,
// fletcher32 and lzf. Everything else is refused with ErrUnsupported: an array is read
// right or not at all.
//
// The reader trusts nothing in a file. Checksums are compared, sizes are held against what
// the file has before memory is taken, and structures that refer to themselves are found.
//
// The package knows the file format. It must not know what the arrays are.
package hdf5
