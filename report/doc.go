// Package report shows how well a head does: a self-contained HTML page, for a browser or an e-mail,
// and the same plots as PNG images, for a paper. It also draws the race between ways of training, the page of labels
// to correct, and that of what is wrong with a dataset.
//
// It knows metrics and drawing. It must not know where features come from or how a head is trained:
// it is given numbers and thumbnails.
package report
