// Package preprocessing describes, as data, how the pixels of a decoded image become the numbers
// that a model was trained on, and computes them.
//
// A Spec is the order of the channels, a scale, and a mean and a standard deviation for
// each channel:
//
//	value = (pixel * scale - mean) / std        pixel: 0 to 255
//
// The Specs of published models have names (see Names); any other is written as KEY=VALUE pairs or
// as a JSON file. A Spec is never guessed: the zero Spec means "unknown", and the caller has to ask
// the user.
//
// The package knows nothing of image files, models, TensorFlow or Arrow; recipes carry a Spec,
// decoders apply it, and model formats state it.
package preprocessing
