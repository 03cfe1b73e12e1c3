package objects

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

// Schemes of URLs of object stores.
var schemes = []string{"s3", "gs", "azblob", "mem"}

// IsURL says whether a name is the URL of something in an object store.
func IsURL(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && slices.Contains(schemes, strings.ToLower(scheme))
}

// LocalPath is the path that a file:// URL means; other names stay as they are.
func LocalPath(name string) (string, error) {
	if len(name) < 7 || !strings.EqualFold(name[:7], "file://") {
		return name, nil
	}
	u, err := url.Parse(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("objects: %w", err)
	case u.Host != "" && u.Host != "localhost" && u.Host != ".":
		return "", fmt.Errorf("objects: %s names the machine %q: a file:// URL has three slashes, as file:///data/photos", name, u.Host)
	case u.RawQuery != "" || u.Fragment != "" || u.Path == "":
		return "", fmt.Errorf("objects: %s: a file:// URL is a path and nothing else, as file:///data/photos", name)
	case u.Host == ".":
		return filepath.FromSlash("." + u.Path), nil
	}
	return filepath.FromSlash(u.Path), nil
}

// Object is an object in a folder.
type Object struct {
	// Name is below the folder, slash-separated; URL names it to people.
	Name, URL string
	Size      int64
	Modified  time.Time
	// Version tells this object from others that lie or lay under its name, if the store says so.
	Version string
}

// Folder is what lies below a URL: the objects whose names begin with it and a slash, or the
// one object of that very name. It may be used by several goroutines.
type Folder struct {
	bucket *blob.Bucket
	// url is without parameters and without a slash at its end.
	url string
	// prefix is that of the objects' names: "", or with a slash at its end.
	prefix string
	// single: the URL is that of an object.
	single   atomic.Bool
	patience Patience
}

// memory are the buckets of mem://, which live as long as the process.
var memory struct {
	sync.Mutex
	buckets map[string]*blob.Bucket
}

// Open opens what a URL names, which need not be there. The caller closes it.
func Open(ctx context.Context, name string) (*Folder, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("objects: %w", err)
	}
	if !IsURL(name) || u.Host == "" {
		return nil, fmt.Errorf("objects: %q is not the URL of a bucket, as s3://BUCKET/NAME", name)
	}
	if u.User != nil {
		return nil, fmt.Errorf("objects: %s: no credentials belong into the URL: the provider's environment variables and files are read", u.Redacted())
	}
	key := strings.Trim(u.Path, "/")
	f := &Folder{url: u.Scheme + "://" + u.Host, patience: DefaultPatience}
	if key != "" {
		f.url, f.prefix = f.url+"/"+key, key+"/"
	}
	if u.Scheme == memblob.Scheme {
		memory.Lock()
		defer memory.Unlock()
		if memory.buckets == nil {
			memory.buckets = map[string]*blob.Bucket{}
		}
		if f.bucket = memory.buckets[u.Host]; f.bucket == nil {
			f.bucket = memblob.OpenBucket(nil)
			memory.buckets[u.Host] = f.bucket
		}
		return f, nil
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("objects: %s: this program was built without object stores (tag nocloud)", f.url)
	}
	bucket := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	if f.bucket, err = blob.OpenBucket(ctx, bucket.String()); err != nil {
		return nil, f.explain("open", "", err)
	}
	return f, nil
}

// Close frees what Open took.
func (f *Folder) Close() error {
	if strings.HasPrefix(f.url, memblob.Scheme+"://") {
		return nil
	}
	return f.bucket.Close()
}

// String is the URL without its parameters.
func (f *Folder) String() string { return f.url }

func (f *Folder) key(name string) string {
	if f.single.Load() {
		return strings.TrimSuffix(f.prefix, "/")
	}
	return f.prefix + name
}

// nameOf is the URL of an object.
func (f *Folder) nameOf(name string) string {
	if f.single.Load() || name == "" {
		return f.url
	}
	return f.url + "/" + name
}

// List visits the objects in the order of their names. If there is none below the URL, but one
// of that very name, it is visited with the last part of its name. An error of visit is
// returned as it is.
func (f *Folder) List(ctx context.Context, visit func(Object) error) error {
	found := false
	var token = blob.FirstPageToken
	for token != nil {
		var page []*blob.ListObject
		err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
			objects, next, err := f.bucket.ListPage(ctx, token, listPage, &blob.ListOptions{Prefix: f.prefix})
			if err == nil {
				page, token = objects, next
			}
			return err
		})
		if err != nil {
			return f.explain("list", "", err)
		}
		for _, o := range page {
			found = true
			name := strings.TrimPrefix(o.Key, f.prefix)
			if err := visit(Object{Name: name, URL: f.nameOf(name), Size: o.Size, Modified: o.ModTime, Version: hex.EncodeToString(o.MD5)}); err != nil {
				return err
			}
		}
	}
	if found || f.prefix == "" {
		return nil
	}
	var attributes *blob.Attributes
	err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) (err error) {
		attributes, err = f.bucket.Attributes(ctx, strings.TrimSuffix(f.prefix, "/"))
		return err
	})
	switch err = f.explain("look at", "", err); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	f.single.Store(true)
	return visit(Object{Name: path.Base(f.url), URL: f.url, Size: attributes.Size, Modified: attributes.ModTime, Version: hex.EncodeToString(attributes.MD5)})
}

// listPage is the number of objects that are asked for at a time.
const listPage = 1000

// Get reads a small object.
func (f *Folder) Get(ctx context.Context, name string) ([]byte, error) {
	var content []byte
	err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) (err error) {
		content, err = f.bucket.ReadAll(ctx, f.key(name))
		return err
	})
	return content, f.explain("read", name, err)
}

// Put writes an object of so many bytes, replacing one of that name. The object is there whole
// or, after an error, as before.
func (f *Folder) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return f.explain("write", name, f.put(ctx, name, content, size, false))
}

// Create writes a small object unless there is one of that name, which is fs.ErrExist, as far
// as the store can tell: some that speak the protocol of S3 overwrite it.
func (f *Folder) Create(ctx context.Context, name string, content []byte) error {
	return f.explain("write", name, f.put(ctx, name, strings.NewReader(string(content)), int64(len(content)), true))
}

func (f *Folder) put(ctx context.Context, name string, content io.ReaderAt, size int64, ifNotExist bool) error {
	options := &blob.WriterOptions{ContentType: "application/octet-stream", DisableContentTypeDetection: true, IfNotExist: ifNotExist}
	return f.patience.try(ctx, f.patience.transfer(size), func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w, err := f.bucket.NewWriter(ctx, f.key(name), options)
		if err != nil {
			return err
		}
		n, err := io.Copy(w, io.NewSectionReader(content, 0, size))
		if err == nil && n < size {
			err = fmt.Errorf("%w after %d of %d bytes", io.ErrUnexpectedEOF, n, size)
		}
		if err != nil {
			cancel() // so that Close gives up what was written
			return errors.Join(err, w.Close())
		}
		return w.Close()
	})
}

// Delete deletes an object. One that is not there is no error.
func (f *Folder) Delete(ctx context.Context, name string) error {
	err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error { return f.bucket.Delete(ctx, f.key(name)) })
	if err = f.explain("delete", name, err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
