//go:build !nocloud

package drivers

import _ "fovea/objects/drivers/s3" // s3://

// answer gives an error of a provider's library that was called without blob the methods with which
// package objects classifies it.
type answer struct {
	error
	status int
	code   string
}

func (a answer) HTTPStatusCode() int { return a.status }
func (a answer) ErrorCode() string   { return a.code }
func (a answer) Unwrap() error       { return a.error }
