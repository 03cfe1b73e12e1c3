// Package recipe describes everything that determines the value of a feature vector: which model,
// which layers, how an image became the model's input, in which arithmetic.
//
// A recipe travels with the features (in the dataset's footer and manifest) and with every head
// trained on them, so that a later command can tell whether two sets of vectors are comparable, and
// say what differs if they are not.
//
// The columns of a dataset may be of several models: a recipe then lists those of the first one and has the recipes of the
// others (Recipe.Added), and Parts, Join, Part and Only take it apart and put it together.
//
// The package is plain data. Of fovea it imports only preprocessing. It knows nothing of
// TensorFlow, Arrow or images, and everything above may import it.
package recipe
