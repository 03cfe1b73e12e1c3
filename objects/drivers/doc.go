// Package drivers registers the object stores of the large providers with package objects: s3://, gs://
// and azblob://. It is a package of its own because their libraries make up most of a program: with the
// build tag nocloud it is empty.
//
// It knows the providers' libraries. It must not know what is stored.
package drivers
