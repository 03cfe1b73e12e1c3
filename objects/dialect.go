package objects

import (
	"context"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Dialect does, with a provider's own library, what package blob cannot: use objects' names as they
// are, which blob's drivers escape, and make requests conditional on tags. Without a dialect, as
// for mem://, names are blob's, and tags are compared before a request instead of by it.
type Dialect struct {
	// Check, if set, finds what is missing in the settings that a bucket was opened with.
	Check func(b Bucket) error
	// Odd are the characters, beside control characters, that blob's driver escapes when it writes.
	Odd string
	// Under restricts a listing to the names that begin with a prefix, taken literally.
	Under func(as func(any) bool, prefix string)
	// Listed returns an object's own name and its tag, and says whether it stands for a folder.
	Listed func(o *blob.ListObject) (key, tag string, folder bool)
	// Read reads a part of an object, to the end if length is negative, and fails if the object has
	// another tag, unless tag is "".
	Read func(ctx context.Context, b Bucket, key, tag string, from, length int64) (Part, error)
	// Delete deletes an object unless it has another tag or does not exist.
	Delete func(ctx context.Context, b Bucket, key, tag string) error
	// Tag is the tag in the response to a request for attributes.
	Tag func(a *blob.Attributes) string
	// Replace makes a write fail unless the object has a tag.
	Replace func(as func(any) bool, tag string)
}

// Bucket is a bucket and its name.
type Bucket struct {
	*blob.Bucket
	Name string
}

// Part is a part of an object being read; Size, Modified and Tag are those of the whole object. Tag
// is "" if the store has none.
type Part struct {
	io.ReadCloser
	Size     int64
	Modified time.Time
	Tag      string
}

// dialects are the dialects by scheme.
var dialects = map[string]Dialect{}

// Register registers the dialect of a scheme. It is for the init functions of drivers.
func Register(scheme string, d Dialect) { dialects[scheme] = d }

// plain is the dialect of stores that have none.
var plain = Dialect{
	Under: func(func(any) bool, string) {},
	Listed: func(o *blob.ListObject) (key, tag string, folder bool) {
		return o.Key, hex.EncodeToString(o.MD5), false
	},
	Read: func(ctx context.Context, b Bucket, key, _ string, from, length int64) (Part, error) {
		r, err := b.NewRangeReader(ctx, key, from, length, nil)
		if err != nil {
			return Part{}, err
		}
		return Part{ReadCloser: r, Size: r.Size(), Modified: r.ModTime()}, nil
	},
	Delete:  func(ctx context.Context, b Bucket, key, _ string) error { return b.Delete(ctx, key) },
	Tag:     func(a *blob.Attributes) string { return hex.EncodeToString(a.MD5) },
	Replace: func(func(any) bool, string) {},
}

// writes says whether blob's driver writes a name unchanged.
func (d Dialect) writes(key string) bool {
	return !strings.ContainsAny(key, d.Odd) && !strings.Contains(key, "../") && !strings.Contains(key, "__0x") &&
		!strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f })
}
