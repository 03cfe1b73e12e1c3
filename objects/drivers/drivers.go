//go:build !nocloud

// Package drivers makes the object stores of the large providers known to package objects: s3://,
// gs:// and azblob://. It is a package of its own since their libraries are most of a program's
// code: what is built with the tag nocloud goes without them.
package drivers

import (
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/s3blob"    // s3://
)
