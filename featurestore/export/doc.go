// Package export writes rows of datasets in other programs' formats: CSV, NumPy's .npy,
// LIBSVM's text and TensorFlow's TFRecord files.
//
// Rows are streamed from the dataset to an io.Writer. It knows those formats and nothing of
// Parquet, Arrow, models or pictures.
package export
