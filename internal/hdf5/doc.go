// Package hdf5 reads arrays of numbers and the texts of attributes from HDF5 files.
//
// It covers what the writers of weights files produce, from the earliest to the latest format that
// the HDF5 library can be told to write (libver): superblocks 0 to 3, both kinds of object headers,
// groups stored as symbol tables, links or dense links, compact, contiguous and chunked layouts
// with every chunk index, and the filters gzip, shuffle, fletcher32 and lzf. Everything else is
// refused with ErrUnsupported: an array is read correctly or not at all.
//
// The reader trusts nothing in a file. It verifies checksums, checks sizes against the file and
// charges them to a budget before it allocates memory, and detects structures that contain
// themselves or have no end.
//
// The package knows the file format. It must not know what the arrays are.
package hdf5
