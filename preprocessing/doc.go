// Package preprocessing states, as data, how the pixels of a decoded image become the
// numbers that a model was trained on, and computes them.
//
// A Spec is the order of the channels, a scale, and a mean and a standard deviation for
// each channel:
//
//	value = (pixel * scale - mean) / std        pixel: 0 to 255
//
// The Specs that published models use have names (see Names); any other is written as
// KEY=VALUE pairs or as a JSON file. A Spec is never guessed here: the zero Spec means
// "unknown", and whoever meets it has to ask.
//
// The package is a leaf. It knows nothing of files of images, models, TensorFlow or Arrow;
// recipes carry a Spec, decoders apply it, model formats state it.
package preprocessing
