// Package contactsheet makes contact sheets: web pages that show images in groups, each in a single
// self-contained file.
//
// It knows where image files are and how a page looks. It knows nothing of vectors.
package contactsheet
