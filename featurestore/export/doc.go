// Package export writes rows of datasets in other programs' formats: CSV, NumPy's .npy, LIBSVM's
// text format and TensorFlow's TFRecord files.
//
// Rows are streamed from the dataset to an io.Writer. The package knows these formats. It must not know
// Parquet, Arrow, models or images.
package export
