// Package servable writes a head together with its model as one TensorFlow SavedModel, from
// the bytes of picture files to probabilities of classes, for TensorFlow Serving and Python.
//
// The graph has three parts. The first decodes each file of a batch and scales it as package
// picture does, in a loop, because pictures differ in size. The second is the model's own
// graph up to the head's layers, without what else is in it. The third is the head. Weights
// are variables, in a checkpoint, which load many times faster than constants.
//
// What cannot be had of TensorFlow's operations is said in Export's documentation.
//
// The package knows graphs, heads and what a picture is made into. It must not know datasets
// or the command line.
package servable
