// Package s3 opens buckets of S3 and of servers that speak its protocol.
//
// It knows the AWS library and its configuration. It must not know what is stored.
package s3
