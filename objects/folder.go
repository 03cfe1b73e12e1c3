package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"fovea/internal/redact"
)

// Object is an object in a folder.
type Object struct {
	// Name is relative to the folder, slash-separated; URL is for messages.
	Name, URL string
	Size      int64
	Modified  time.Time
	// Version distinguishes this object from other objects under its name, now or earlier, if the
	// store supports that.
	Version string
	// Key is its own name in the store; if "", the folder's prefix and Name.
	Key string
}

// Folder is what lies below a URL: the objects whose names begin with it and a slash, or the single
// object of exactly that name. It may be used by several goroutines.
type Folder struct {
	bucket  Bucket
	dialect Dialect
	// conditions: the dialect has them.
	conditions bool
	// url has no parameters and no slash at its end.
	url string
	// prefix begins the objects' names: it is "" or ends with a slash.
	prefix string
	// single: the URL is that of a single object.
	single   atomic.Bool
	patience Patience
	// secrets must not be in errors.
	secrets *redact.Secrets
}

// memory are the buckets of mem://, which live as long as the process.
var memory struct {
	sync.Mutex
	buckets map[string]*blob.Bucket
}

// Open opens what a URL names, which need not exist. The caller closes it.
func Open(ctx context.Context, name string) (*Folder, error) {
	u, key, err := parse(name)
	if err != nil {
		return nil, err
	}
	if err := checkParameters(u); err != nil {
		return nil, fmt.Errorf("objects: %s: %w", redact.Place(name), err)
	}
	f := &Folder{url: u.Scheme + "://" + u.Host, patience: DefaultPatience, secrets: redact.Known(os.Environ(), name)}
	f.bucket.Name = u.Host
	if key != "" {
		f.url, f.prefix = f.url+"/"+key, key+"/"
	}
	if f.dialect, f.conditions = dialects[u.Scheme]; !f.conditions {
		f.dialect = plain
	}
	if u.Scheme == memblob.Scheme {
		f.bucket.Bucket = inMemory(u.Host)
		return f, nil
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("objects: %s: this program was built without object stores (tag nocloud)", f.url)
	}
	bucket := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}
	if f.bucket.Bucket, err = blob.OpenBucket(ctx, bucket.String()); err != nil {
		if redact.URL(name) != name {
			err = fmt.Errorf("%w: %w", err, ErrCredentials)
		}
		return nil, f.explain("open", "", err)
	}
	if f.dialect.Check != nil {
		if err := f.dialect.Check(f.bucket); err != nil {
			return nil, f.secrets.Error(errors.Join(fmt.Errorf("objects: %s: %w", f.url, err), f.bucket.Close()))
		}
	}
	return f, nil
}

// inMemory is the bucket of that name in the memory of this process.
func inMemory(name string) *blob.Bucket {
	memory.Lock()
	defer memory.Unlock()
	if memory.buckets == nil {
		memory.buckets = map[string]*blob.Bucket{}
	}
	bucket := memory.buckets[name]
	if bucket == nil {
		bucket = memblob.OpenBucket(nil)
		memory.buckets[name] = bucket
	}
	return bucket
}

// Close frees the folder's resources.
func (f *Folder) Close() error {
	if strings.HasPrefix(f.url, memblob.Scheme+"://") {
		return nil
	}
	return f.secrets.Error(f.bucket.Close())
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

// List visits the objects in the order of their names. If there is none below the URL, but one of
// exactly that name, it visits that, named by the last part of its name. Objects that stand for
// folders, as consoles and some programs create them, are skipped. Errors of visit are returned
// unchanged.
func (f *Folder) List(ctx context.Context, visit func(Object) error) error {
	found := false
	err := f.list(ctx, f.prefix, func(key string, o Object) (bool, error) {
		o.Name = strings.TrimPrefix(key, f.prefix)
		if marksFolder(o) {
			return true, nil
		}
		o.URL, found = f.nameOf(o.Name), true
		return true, visit(o)
	})
	if err != nil || found || f.prefix == "" {
		return err
	}
	o, err := f.itself(ctx, strings.TrimSuffix(f.prefix, "/"))
	if err != nil || o.Key == "" {
		return err
	}
	f.single.Store(true)
	o.Name, o.URL = path.Base(f.url), f.url
	return visit(o)
}

// itself is the object of exactly the folder's name; its key is "" if there is none.
func (f *Folder) itself(ctx context.Context, key string) (itself Object, err error) {
	if !f.dialect.writes(key) { // blob could not request it either
		err = f.list(ctx, key, func(found string, o Object) (bool, error) {
			if found == key {
				itself = o
			}
			return false, nil // it comes first
		})
		return itself, err
	}
	err = f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
		a, err := f.bucket.Attributes(ctx, key)
		if err == nil {
			itself = Object{Size: a.Size, Modified: a.ModTime, Version: strong(f.dialect.Tag(a)), Key: key}
		}
		return err
	})
	if err = f.explain("look at", "", err); errors.Is(err, fs.ErrNotExist) {
		return Object{}, nil
	}
	return itself, err
}

// marksFolder says whether an object stands for a folder: its name ends with a slash, or it has no
// name of its own, or it is an empty object whose name ends with $folder$, as Hadoop creates them.
func marksFolder(o Object) bool {
	return o.Name == "" || strings.HasSuffix(o.Name, "/") || o.Size == 0 && strings.HasSuffix(o.Name, "_$folder$")
}

// list visits all objects whose names in the store begin with a prefix, until visit returns false.
func (f *Folder) list(ctx context.Context, prefix string, visit func(key string, o Object) (bool, error)) error {
	options := &blob.ListOptions{Prefix: prefix, BeforeList: func(as func(any) bool) error {
		f.dialect.Under(as, prefix)
		return nil
	}}
	for token := blob.FirstPageToken; token != nil; {
		var page []*blob.ListObject
		err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
			objects, next, err := f.bucket.ListPage(ctx, token, listPage, options)
			if err == nil {
				page, token = objects, next
			}
			return err
		})
		if err != nil {
			return f.explain("list", "", err)
		}
		for _, o := range page {
			key, tag, folder := f.dialect.Listed(o)
			if folder {
				continue
			}
			if more, err := visit(key, Object{Size: o.Size, Modified: o.ModTime, Version: strong(tag), Key: key}); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// strong is a tag that can serve as a condition; weak ones cannot.
func strong(tag string) string {
	if strings.HasPrefix(tag, "W/") {
		return ""
	}
	return tag
}

// listPage is the number of objects requested at a time.
const listPage = 1000
