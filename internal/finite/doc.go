// Package finite finds NaNs and infinities in what is read, computed and stored: a single one spoils
// whatever is computed from it.
//
// It knows numbers only.
package finite
