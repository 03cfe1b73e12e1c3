// Package report shows how well a head does: one HTML file without outside references, for a
// browser or an e-mail, and the same plots as PNG pictures, for a paper.
//
// It knows metrics and drawing. It must not know where features come from or how a head is
// trained: what is to be shown is handed to it as numbers and pictures.
package report
