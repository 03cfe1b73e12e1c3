// Package finite finds NaNs and infinities in numbers that are read, computed or stored: a single one spoils
// whatever is computed from it.
//
// It knows numbers only.
package finite
