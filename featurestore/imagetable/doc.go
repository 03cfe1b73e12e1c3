// Package imagetable reads images from Parquet tables, such as those of Hugging Face datasets,
// Polars and pandas.
//
// The images are in a column of bytes, or in the field "bytes" of a struct, which is how Hugging
// Face datasets stores them. That struct's "path", or else a column of texts named path, file_name,
// filename, __key__ or key, names them. Labels are in a column label, labels, cls or class of texts,
// numbers or booleans, or in the only column that Hugging Face's metadata calls labels; integers become the names that
// this metadata gives them.
//
// It knows Parquet files and their columns. It knows nothing of the datasets of features that
// package featurestore writes, and does not decode images.
package imagetable
