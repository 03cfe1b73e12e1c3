// Package figure turns plots into pictures that look alike everywhere: PNG on white paper, SVG files that follow the
// reader's light or dark mode, and SVG inside a page, in the page's own colours. Their keys are beside the data, never
// above them.
//
// It knows gonum's plots and the colours of package look. It must not know what is plotted.
package figure
