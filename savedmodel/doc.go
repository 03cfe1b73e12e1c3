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
// Layers are found by scope:
// the last tensor that is computed under a name such as "small/block1_conv1" is the layer
// of that name. A layer may be asked for by its name, by its last part where that is
// unique, or by the name of any operation.
//
// The package knows SavedModels and graphs. It must not know VGG or picture files.
package savedmodel
