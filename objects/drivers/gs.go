//go:build !nocloud

package drivers

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/googleapi"

	"fovea/objects"
)

// Google's stores number the writes to a name; the number serves as the tag.
func init() {
	objects.Register(gcsblob.Scheme, objects.Dialect{
		Under:   googleUnder,
		Listed:  googleListed,
		Read:    googleRead,
		Delete:  googleDelete,
		Tag:     googleTag,
		Replace: googleReplace,
	})
}

func googleUnder(as func(any) bool, prefix string) {
	var query *storage.Query
	if as(&query) {
		query.Prefix = prefix
	}
}

func googleListed(o *blob.ListObject) (key, tag string, folder bool) {
	var attributes storage.ObjectAttrs
	if !o.As(&attributes) {
		return o.Key, "", o.IsDir
	}
	return attributes.Name, generation(attributes.Generation), attributes.Prefix != ""
}

func googleTag(a *blob.Attributes) string {
	var attributes storage.ObjectAttrs
	if !a.As(&attributes) {
		return ""
	}
	return generation(attributes.Generation)
}

func googleRead(ctx context.Context, b objects.Bucket, key, tag string, from, length int64) (objects.Part, error) {
	r, err := b.NewRangeReader(ctx, key, from, length, &blob.ReaderOptions{BeforeRead: func(as func(any) bool) error {
		var handle **storage.ObjectHandle
		var client *storage.Client
		if as(&handle) && b.As(&client) {
			*handle = client.Bucket(b.Name).Object(key)
			if g := number(tag); g > 0 {
				*handle = (*handle).If(storage.Conditions{GenerationMatch: g})
			}
		}
		return nil
	}})
	if err != nil {
		return objects.Part{}, err
	}
	part := objects.Part{ReadCloser: r, Size: r.Size(), Modified: r.ModTime()}
	var raw *storage.Reader
	if r.As(&raw) {
		part.Tag = generation(raw.Attrs.Generation)
	}
	return part, nil
}

func googleDelete(ctx context.Context, b objects.Bucket, key, tag string) error {
	var client *storage.Client
	if !b.As(&client) {
		return b.Bucket.Delete(ctx, key)
	}
	handle := client.Bucket(b.Name).Object(key)
	if g := number(tag); g > 0 {
		handle = handle.If(storage.Conditions{GenerationMatch: g})
	}
	return googleError(handle.Delete(ctx))
}

func googleError(err error) error {
	var refusal *googleapi.Error
	switch {
	case errors.Is(err, storage.ErrObjectNotExist) || errors.Is(err, storage.ErrBucketNotExist):
		return answer{err, http.StatusNotFound, ""}
	case errors.As(err, &refusal):
		return answer{err, refusal.Code, ""}
	}
	return err
}

func googleReplace(as func(any) bool, tag string) {
	var handle **storage.ObjectHandle
	if g := number(tag); g > 0 && as(&handle) {
		*handle = (*handle).If(storage.Conditions{GenerationMatch: g})
	}
}

func generation(g int64) string {
	if g == 0 {
		return ""
	}
	return strconv.FormatInt(g, 10)
}

func number(tag string) int64 {
	g, _ := strconv.ParseInt(tag, 10, 64)
	return g
}
