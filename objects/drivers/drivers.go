//go:build !nocloud

// Package drivers registers the large providers' object stores with package objects: s3://, gs://
// and azblob://. It is a separate package because their libraries are most of a program's code;
// builds with the tag nocloud leave them out.
package drivers

import _ "fovea/objects/drivers/s3" // s3://

// answer gives an error of a provider's library that was called without blob the methods by which
// package objects classifies it.
type answer struct {
	error
	status int
	code   string
}

func (a answer) HTTPStatusCode() int { return a.status }
func (a answer) ErrorCode() string   { return a.code }
func (a answer) Unwrap() error       { return a.error }
