// Package finetuning trains classifiers and measures them: heads on the features of a dataset, the
// last blocks of a network together with a head, and networks from random weights.
//
// It knows how a dataset is read, which rows are copies of each other, how rows are divided into a
// training set and a test set, and what is recorded of a training. The mathematics are those of
// packages head and training. It must not know of flags, terminals or exit statuses: functions take
// options and return results. They log what a person should know of a training, and their messages
// name a flag of the finetune command where it is the way out.
package finetuning
