// Package storetest has what the tests of the feature store's packages have in common: a file whose disk
// fails.
//
// It knows the file system. It must not know the packages that it tests.
package storetest
