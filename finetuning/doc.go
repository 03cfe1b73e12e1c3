// Package finetuning trains classifiers and measures them: heads on the features of a dataset, the
// last blocks of a network together with a head, and networks from random weights. It also finds
// wrong labels, and what else is wrong with a dataset.
//
// It knows how a dataset is read, which rows are copies of each other, how rows are divided into a
// training set and a test set, and what is recorded about training. The mathematics is in
// packages head and training. It must not know flags, terminals or exit statuses: functions take
// options and return results. They log what users should know about training, and their messages
// name a flag of the finetune command where it is the remedy.
package finetuning
