// Package objects reads and writes what lies in object stores, by URL:
//
//	s3://BUCKET/NAME?region=...&endpoint=...   Amazon S3 and what speaks its protocol
//	gs://BUCKET/NAME                           Google Cloud Storage
//	azblob://CONTAINER/NAME                    Azure Blob Storage
//	mem://BUCKET/NAME                          the process's own memory
//
// A # is a character like others, %3F is a question mark and %25 a percent sign in a name. What follows
// the question mark is as gocloud.dev/blob has it; credentials come from where the
// provider's own programs take them. file:// is a path in the file system: see LocalPath.
//
// The package knows buckets, names and bytes. It must not know pictures, datasets, Arrow or
// models. The providers' drivers are in package drivers, which programs import.
//
// # What may be relied on
//
// An object appears under its name whole or not at all, also when the process is killed while
// it writes. Requests that fail are repeated a few times, unless it is clear that they will
// fail again; none waits for an answer for ever. Errors name the object, the cause and a
// remedy; what is not there is fs.ErrNotExist.
//
// Objects go by their own names in the store, which blob's drivers would escape; names that they would
// change are not written to. All that is read of a File is of the one object that was listed, or else
// ErrChanged. PutIf and DeleteIf touch an object only while it is the one that was looked at, by the
// conditions of the store where it has them. Objects that stand for folders are passed over.
package objects
