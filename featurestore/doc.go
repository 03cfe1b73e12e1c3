// Package featurestore keeps features of pictures in files that the data world reads as its
// own: Parquet or Arrow IPC. It is the only package that imports Arrow, and knows nothing
// of models, TensorFlow or picture files.
//
// # A dataset
//
// A dataset is a directory:
//
//	data/part-00000.parquet ...   the rows, in shards of equal numbers of rows but the last
//	errors.parquet                the pictures that gave no row, and why
//	manifest.json                 what the dataset is, and whether it is complete
//
// There is nothing but shards in data/, so that a reader may be given the directory as it
// is. A file gets its name only when it is complete and on disk: until then it lies in
// .tmp/. While a dataset is being written its directory is locked.
//
// # A row
//
//	path    string            names the picture, and the row
//	label   string, nullable
//	split   string, nullable
//	sha256  string            of the picture's file, hex
//	width   int32             pixels, as stored in the picture's file
//	height  int32
//	LAYER   vector            one column per layer, float32 or float16
//
// A path that is not UTF-8 has each offending byte written as \xNN.
//
// # Vectors
//
// Arrow v15 writes wrong values, silently, when it is given fixed-size lists to store as
// Parquet (lists that are sliced, or that cross a row group, repeat other rows). Parquet
// itself stores both kinds of list alike, so vectors are given to it as plain lists, and
// the footer's ARROW:schema, which says how Arrow readers are to see them, is made by hand
// and declares fixed-size lists. In Arrow IPC files fixed-size lists are what is stored.
//
// # Metadata
//
// Every shard says in its footer how it was made, under keys that begin with "features.":
// the recipe as JSON, its fingerprint, and the same facts one by one for people.
package featurestore
