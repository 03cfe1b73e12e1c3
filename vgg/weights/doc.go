// Package weights reads the weights of networks from the files that their publishers ship.
//
// A Set is what any format comes to: tensors by name, in row-major order. Names and shapes
// are the file's own; package vgg says what they must be.
//
// Readers trust nothing in a file: sizes are checked against what is there before memory
// is taken, and a damaged or foreign file is an error that names the tensor.
package weights
