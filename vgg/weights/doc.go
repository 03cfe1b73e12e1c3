// Package weights reads the weights of networks from the files that their publishers release.
//
// A Set is the common form of all formats: tensors by name, in row-major order, whatever the order,
// strides, chunks or compression in the file. Weights are float32 or float16; float64 is rounded to
// float32, and bfloat16 is widened to it. Names and shapes are the file's own, except for ONNX,
// whose names say nothing; package vgg knows what they must be. What a file holds besides weights
// is kept separately, as is the architecture that Keras writes.
//
// What a file says about the images that its weights expect (a mean, or the arithmetic at the
// beginning of an ONNX graph) is in the Set's metadata, under MeanKey, MeanImageKey,
// PreprocessingNote, GraphInputKey and GraphLayersKey.
//
// Readers trust nothing in a file: they check sizes against what is there before they allocate
// memory, and a damaged or foreign file is an error that names the tensor. What cannot be read
// correctly is refused, with what its owner can do about it.
//
// The package knows formats of files. It must not know the networks that the weights are of.
package weights
