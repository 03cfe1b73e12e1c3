// Package head learns to tell classes apart from features: softmax regression, with the
// strength of the regularization chosen by cross-validation, or a hidden layer of rectified
// units. It measures what it has learned, and finds rows that stand for one picture.
//
// # What is fitted
//
// Features are standardized: each column less its mean, over the mean standard deviation of
// all columns (see Scaling), both of the training rows; a constant column contributes
// nothing. On the n standardized rows x with classes y the weights W and biases b of Train
// minimize
//
//	-1/n sum_i log softmax(W x_i + b)[y_i]  +  lambda/2 |W|^2
//
// by L-BFGS. Biases are not regularized. In scikit-learn's LogisticRegression this is
// C = 1/(lambda n), or C = 2/(lambda n) for two classes, where it has one vector for both;
// so has Train while it fits. TrainMLP has no penalty but dropout, and ends early; its steps
// are those of Keras's Dense layers under Adam.
//
// # How it is fitted
//
// Loss and gradient are computed in float32, in one pass over the rows, by kernels for AVX2
// where the CPU has it; sums over rows are taken in float64. L-BFGS works in coordinates in
// which the loss is about equally curved everywhere (see directions), which takes a fraction of
// the passes. Strengths are tried from the
// strongest, each from the solution of the one before, all folds in step, until weaker ones
// have only done worse. Results do not depend on the number of CPUs.
//
// Features are often many more than rows: 25,088 values of each of 2,000 pictures. The best
// W is then a combination of the rows, so nothing is lost by describing each row by its
// inner products with the others: with K = X X' = L L' (Cholesky), regression on the rows of
// L has the same losses and the same |W|, in n instead of 25,088 dimensions, and W follows
// from its solution. K is computed once and serves all folds and all strengths.
//
// The package knows numbers and labels. It must not know where features come from: files,
// models and pictures are other packages' business.
package head
