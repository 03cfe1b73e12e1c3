// Package scatterplot draws points in a plane, coloured by their labels, as PNG or SVG.
//
// It knows how to draw, and nothing about where the points come from.
package scatterplot
