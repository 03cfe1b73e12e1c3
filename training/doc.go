// Package training fits networks to labelled examples by gradient descent, through
// TensorFlow's C API.
//
// A Network is a list of layers as package vgg describes them, from the input to the scores
// of the classes. A Trainer has its graph: the scores with and without dropout, the softmax
// cross-entropy, its gradients (by the C++ gradients that the library has), and the steps of
// the optimizer. Weights, gradients and the optimizer's state are variables in TensorFlow's
// memory and never leave it but to be saved. Fit runs a Trainer over Examples, epoch after
// epoch, with checkpoints.
//
// # What may be relied on
//
// Everything random follows from a seed: initial weights and the order of the examples are
// drawn in Go, dropout by TensorFlow's stateless generator from seed and number of the step.
// So a run that was interrupted and resumed goes on as if it had not been; on a CPU, with the
// same number of threads, it ends with the same weights to the bit. On GPUs sums are taken in
// no fixed order.
//
// # Sources
//
// Initializers and optimizers compute what Keras's do: Glorot, Bengio, "Understanding the
// difficulty of training deep feedforward neural networks" (2010); He et al.,
// arXiv:1502.01852; Kingma, Ba, arXiv:1412.6980. Dropout is inverted: what is kept is scaled
// up while training. Weight decay is the paper's: a penalty of decay/2 |W|^2 on kernels, not
// on biases, whose gradient is added to that of the loss; it is not in the losses reported.
//
// The package knows TensorFlow, layers and numbers. It must not know picture files, datasets
// or flags.
package training
