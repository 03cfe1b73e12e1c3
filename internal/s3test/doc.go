// Package s3test starts servers that speak the protocol of S3 on the loopback interface, for tests,
// and makes them fail on demand.
//
// It is for tests only. It knows the protocol and the driver that speaks it. It must not know datasets.
package s3test
