// Package finetuning trains classifiers: heads on the features of a dataset, the last blocks of a
// network together with a head, and networks from random weights. It knows how rows are divided into
// those to train on and those to test on, and leaves the mathematics to packages head and training. It
// knows nothing of flags and terminals.
package finetuning
