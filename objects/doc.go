// Package objects reads and writes objects in object stores, by URL:
//
//	s3://BUCKET/NAME?region=...&endpoint=...   Amazon S3 and compatible stores
//	gs://BUCKET/NAME                           Google Cloud Storage
//	azblob://CONTAINER/NAME                    Azure Blob Storage
//	mem://BUCKET/NAME                          the process's own memory
//
// In a name, # is an ordinary character, %3F is a question mark and %25 a percent sign. The
// parameters after the question mark are those of gocloud.dev/blob; credentials come from where the
// provider's own programs take them. file:// is a path in the file system: see LocalPath.
//
// The package knows buckets, names and bytes. It must not know images, datasets, Arrow or models.
// The providers' drivers are in package drivers, which package inputs imports.
//
// # Guarantees
//
// An object appears under its name whole or not at all, even if the process is killed while writing
// it. Failed requests are repeated a few times, unless they are certain to fail again; none waits
// for an answer forever. Errors name the object, the cause and a remedy; a missing object is
// fs.ErrNotExist.
//
// Objects have their own names in the store, which blob's drivers would escape; names that the
// drivers would change are refused for writing. Everything that is read from a File comes from the
// one object that was listed, or else the error is ErrChanged. PutIf and DeleteIf change an object
// only while it is in the given state, by conditional requests where the store supports them.
// Objects that stand for folders are skipped.
package objects
