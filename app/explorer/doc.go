// Package explorer shows a dataset in the browser: a map of its rows, the images behind them, and a grid
// to correct labels with, which are written by extraction.Relabel.
//
// It is an HTTP server for one person on one machine, with its page embedded (directory page), and knows
// datasets, maps, heads and labels. It must not know flags or terminals, and serves no file that is not
// an image of a row.
package explorer
