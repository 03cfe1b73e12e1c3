// Package head trains classifiers on features: softmax regression, linear discriminant analysis and
// linear support vector machines, with the strength of the regularization chosen by cross-validation
// (TrainAuto also chooses the model), or one hidden layer of rectified linear units. It evaluates them,
// finds rows that are copies of one image, and tests every row by models that were not trained on it,
// which tells wrong labels.
//
// # What is fitted
//
// Features are standardized: the mean of each column is subtracted, and the result divided by the
// mean standard deviation of all columns (see Scaling), both computed on the training rows; a
// constant column contributes nothing. On the n standardized rows x with classes y, the weights W
// and biases b of Train minimize
//
//	-1/n sum_i log softmax(W x_i + b)[y_i]  +  lambda/2 |W|^2
//
// by L-BFGS. Biases are not regularized. In scikit-learn's LogisticRegression this is
// C = 1/(lambda n), or C = 2/(lambda n) for two classes, for which it fits a single vector, as
// Train does. TrainMLP has no penalty: it uses dropout and early stopping, and its steps are those
// of Keras's Dense layers with Adam.
//
// # How it is fitted
//
// Loss and gradient are computed in float32, in one pass over the rows, by kernels for AVX2
// where the CPU has it; sums over rows are taken in float64. L-BFGS works in coordinates in
// which the loss is about equally curved in all directions (see directions), which takes a fraction
// of the passes. Strengths are tried from the strongest on, each starting from the solution of the
// one before, until two in a row were worse than the best. Of those that are at most half a standard
// error of the paired difference worse than the best, the strongest is taken. Results do not depend on the
// number of CPUs.
//
// Linear discriminant analysis solves its equations by conjugate gradients in the same coordinates (see
// discriminant), with the same products of rows, so that it never makes the matrix of covariances.
//
// There are often many more features than rows: 25,088 values of each of 2,000 images. The best W
// is then a combination of the rows, so nothing is lost by describing each row by its
// inner products with the others: with K = X X' = L L' (Cholesky), regression on the rows of
// L has the same losses and the same |W|, in n instead of 25,088 dimensions, and W follows
// from its solution. K is computed once and serves all folds and all strengths.
//
// The package knows numbers and labels. It must not know where features come from: datasets, models
// and images are the business of other packages.
package head
