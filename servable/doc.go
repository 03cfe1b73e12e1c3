// Package servable writes a head and its model as one TensorFlow SavedModel, from the bytes of
// image files to probabilities of classes, for TensorFlow Serving and Python.
//
// The graph has three parts. The first decodes and scales each file of a batch as package picture
// does, in a loop, because images differ in size. The second is the part of the model's graph that
// leads to the head's layers. Of a head on several models there are as many of both as models, and
// names that tell them apart. The third is the head. Weights are variables in a checkpoint, which
// loads many times faster than constants.
//
// Export's documentation says what TensorFlow's operations cannot do.
//
// The package knows graphs, heads and how an image becomes a model's input. It must not know
// datasets or the command line.
package servable
