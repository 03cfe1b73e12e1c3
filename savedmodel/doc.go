// Package savedmodel opens TensorFlow SavedModels of pictures, whoever made them, and
// makes their inner layers reachable.
//
// Keras and tf.function put a model's body into functions, and what is inside a function
// cannot be fetched from a session. So after TensorFlow has loaded the model, the bodies
// on the way from the input to the signature's outputs are added to the loaded graph once
// more, flat, reading the same variables; unused parts are never run. Models written by
// Keras 3's tf.saved_model.save, whose restore function fills other variables than the
// signature reads, are repaired from their checkpoint.
//
// A model has one input of pictures, of one, three or four channels in NHWC or NCHW order; height
// and width may be open. Where a graph normalizes pixels by itself, that tells its preprocessing.
//
// A layer is what leaves its scope: the one tensor that is computed under a name such as
// "small/block1_conv1" and needed elsewhere, however many operations and sublayers there are
// within. Layers may be asked for by the names of scopes, of operations, or of the signature's
// outputs, by the names that Keras shows, and by the ends of these where they are unique; others
// list their candidates.
//
// Random layers that act in the exported signature, such as the augmentation that Keras 3's
// model.export leaves there, are cut out where they are proven to do nothing with idle random
// numbers. What depends on any other random operation cannot be tapped. When a model is opened, a
// picture runs twice, in one batch where that is known to change nothing, and must give the same
// features.
//
// The package knows SavedModels and graphs. It must not know VGG or picture files.
package savedmodel
