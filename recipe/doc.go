// Package recipe states everything that decides the value of a feature vector: which
// model, which layers, how a picture became the model's input, in which arithmetic.
//
// A recipe travels with the features (in the dataset's footer and manifest) and with
// every head learned on them, so that a later command can tell whether two sets of
// vectors may be compared, and say what differs when they may not.
//
// The package is plain data. Of the other packages it uses preprocessing alone, a leaf. It knows nothing of TensorFlow, Arrow or pictures, and
// everything else may import it.
package recipe
