package objects

import (
	"context"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// Dialect says in the words of a provider's library what package blob has none for: objects' names as
// they are, which blob's drivers escape, and conditions on their tags. Without one, as for mem://,
// names are taken for those of blob, and tags are compared before a request instead of with it.
type Dialect struct {
	// Check, if set, finds what is missing in the settings that a bucket was opened with.
	Check func(b Bucket) error
	// Odd are the characters, beside control characters, that blob's driver escapes when it writes.
	Odd string
	// Under has a listing be of the names that begin with a prefix, as it is.
	Under func(as func(any) bool, prefix string)
	// Listed gives an object's own name and its tag, and says whether it stands for a folder.
	Listed func(o *blob.ListObject) (key, tag string, folder bool)
	// Read reads a part of an object, to the end if length is negative, and fails if the object
	// has another tag, unless that is "".
	Read func(ctx context.Context, b Bucket, key, tag string, from, length int64) (Part, error)
	// Delete deletes an object unless it has another tag or is not there.
	Delete func(ctx context.Context, b Bucket, key, tag string) error
	// Tag is the tag that a request for attributes gave.
	Tag func(a *blob.Attributes) string
	// Replace has a writing fail unless the object has a tag.
	Replace func(as func(any) bool, tag string)
}

// Bucket is a bucket and its name.
type Bucket struct {
	*blob.Bucket
	Name string
}

// Part is a part of an object on its way; Size, Modified and Tag are those of the whole object. The
// tag is "" if the store has none.
type Part struct {
	io.ReadCloser
	Size     int64
	Modified time.Time
	Tag      string
}

// dialects are those of the schemes.
var dialects = map[string]Dialect{}

// Register makes the dialect of a scheme known. It is for the init functions of drivers.
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

// writes says whether blob's driver writes a name as it is.
func (d Dialect) writes(key string) bool {
	return !strings.ContainsAny(key, d.Odd) && !strings.Contains(key, "../") && !strings.Contains(key, "__0x") &&
		!strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f })
}
