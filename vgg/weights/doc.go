// Package weights reads the weights of networks from the files that their publishers ship.
//
// A Set is what any format comes to: tensors by name, in row-major order. Names and shapes
// are the file's own, but for ONNX, whose names say nothing; package vgg says what they must be.
//
// What a file says of the pictures that its weights want (a mean, or the arithmetic at an ONNX
// graph's beginning) is in the Set's metadata, under MeanKey, MeanImageKey, PreprocessingNote,
// GraphInputKey and GraphLayersKey.
//
// Readers trust nothing in a file: sizes are checked against what is there before memory
// is taken, and a damaged or foreign file is an error that names the tensor.
package weights
