// Package contactsheet makes contact sheets: web pages that show groups of images, in a single file that
// contains the thumbnails.
//
// It knows how to read image files and what a page looks like. It knows nothing about vectors or datasets.
package contactsheet
