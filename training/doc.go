// Package training fits networks to labelled examples by gradient descent, through
// TensorFlow's C API.
//
// A Network is a list of layers as package vgg describes them, from the input to the logits of
// the classes. A Trainer has its graph: the logits with and without dropout, the softmax
// cross-entropy, its gradients (from TensorFlow's C++ gradient functions), and the steps of
// the optimizer. Weights, gradients and the optimizer's state are variables in TensorFlow's
// memory, which they leave only to be saved. Fit runs a Trainer over Examples, epoch after
// epoch, with checkpoints.
//
// # Guarantees
//
// Everything random follows from a seed: initial weights and the order of the examples are
// drawn in Go, dropout by TensorFlow's stateless generator from the seed and the step's number.
// So a run that was interrupted and resumed continues as if nothing had happened; on a CPU, with
// the same number of threads, it ends with the same weights, bit for bit. GPUs add in no fixed
// order.
//
// # Sources
//
// Initializers and optimizers compute what Keras's do: Glorot, Bengio, "Understanding the
// difficulty of training deep feedforward neural networks" (2010); He et al.,
// arXiv:1502.01852; Kingma, Ba, arXiv:1412.6980. Dropout is inverted: the outputs it keeps
// are scaled up during training. Weight decay is the paper's: a penalty of decay/2 |W|^2 on
// kernels, not on biases, whose gradient is added to that of the loss. The losses reported do not
// include it.
//
// The package knows TensorFlow, layers and numbers. It must not know image files, datasets or
// flags.
package training
