// Package savedmodel opens TensorFlow SavedModels that take images, whoever wrote them, and gives
// access to their inner layers.
//
// A SavedModel is somebody else's program. The package reads the graph as data and finds out what
// opening it and computing a signature would run. Unless the caller trusts the model, all of that
// must be on a list of pure operations, which was compared with the library's. TensorFlow then gets
// the judged part from memory, never the file. Inspect and Examine describe a model without running
// it.
//
// Keras and tf.function put a model's body into functions, and a session cannot fetch what is
// inside a function. So once the model is loaded, this package adds the function bodies between the
// input and the signature's outputs to the loaded graph, flat; unused parts are never run. Models
// written by Keras 3's tf.saved_model.save, whose restore function fills other variables than the
// signature reads, are repaired from their checkpoint.
//
// A model has one input: images of one, three or four channels in NHWC or NCHW order, whose height
// and width may be open. Where the graph itself normalizes pixels, the package derives the
// preprocessing from that.
//
// A layer is what leaves its scope: the one tensor that is computed under a name such as
// "small/block1_conv1" and needed elsewhere, however many operations and sublayers the scope holds.
// Layers can be requested by the names of scopes, operations or signature outputs, by the names
// that Keras shows, and by the last parts of these names where they are unique; an ambiguous name
// is an error that lists the candidates.
//
// Random layers in the exported signature, such as the augmentation that Keras 3's model.export
// leaves there, are cut out where they provably do nothing with neutral random numbers. Layers that
// depend on any other random operation are not offered. When a model is opened, it computes one
// image twice, in one batch where that is known to make no difference, and must give the same
// features; what that has shown may be remembered (Memory).
//
// Where the restoring of variables only reads them from the checkpoint and assigns them, the package
// does that itself, for those that the signature reads: Keras stores each twice.
//
// The package knows SavedModels and graphs. It must not know VGG or image files.
package savedmodel
