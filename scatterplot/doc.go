// Package scatterplot draws points in a plane, coloured by their labels, as PNG or SVG.
//
// It knows drawing. It must not know where the points come from.
package scatterplot
