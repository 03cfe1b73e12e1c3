// Package inference runs a TensorFlow graph: a batch of images in, named features out.
//
// A Model is a graph with its weights in a session, one image input and a list of layers. Packages
// that know a kind of model (vgg builds the graphs of the paper) make Models; this package does not
// care where a Model came from. An Extractor is made from a Model for the layers that are wanted,
// and turns batches into features.
//
// The package knows TensorFlow: sessions, devices, arithmetic, tensors and their memory. It must
// not know image files, VGG or Arrow.
//
// # Shapes
//
// The input of a batch is float32 in NHWC order, already preprocessed. Features come back as one
// flat slice per layer: image by image, each image's values in HWC order for a convolutional layer,
// in unit order for a dense one.
//
// # Safeguards
//
// The C library checks little and crashes on some mistakes: an input of the wrong rank ends the
// process, an input of the wrong size is used as it is. So everything that reaches Run has been
// checked here. Go's garbage collector does not see the memory of C tensors, so input tensors are
// made once and filled in place, outputs are copied once, and a collection is triggered when enough
// of them have piled up. TensorFlow is told to keep the memory of its intermediate results for the
// next Run; allocating it takes most of a Run's start-up.
package inference
