// Package picturetest has what the tests of package picture and of those below it have in common: the archives of
// images in testdata/picture.
//
// It knows archives. It must not know the packages that it tests.
package picturetest
