package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// State identifies the object under a name. The zero value says that there is none.
type State struct {
	Exists   bool
	Modified time.Time // by the store's clock
	version  string
}

// State is that of the object when it was listed.
func (o Object) State() State { return State{true, o.Modified, o.Version} }

// Get reads a small object.
func (f *Folder) Get(ctx context.Context, name string) ([]byte, error) {
	content, _, err := f.GetState(ctx, name)
	return content, err
}

// GetState reads a small object and returns its state.
func (f *Folder) GetState(ctx context.Context, name string) (content []byte, s State, err error) {
	err = f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
		r, err := f.read(ctx, f.key(name), "", 0, -1)
		if err != nil {
			return err
		}
		defer r.Close() // read-only
		s = State{true, r.Modified, r.Tag}
		content, err = io.ReadAll(r)
		return err
	})
	return content, s, f.explain("read", name, err)
}

// State returns the state of the object under a name.
func (f *Folder) State(ctx context.Context, name string) (s State, err error) {
	err = f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
		attributes, err := f.bucket.Attributes(ctx, f.key(name))
		if err == nil {
			s = State{true, attributes.ModTime, strong(f.dialect.Tag(attributes))}
		}
		return err
	})
	if err = f.explain("look at", name, err); errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	return s, err
}

func (f *Folder) read(ctx context.Context, key, tag string, from, length int64) (Part, error) {
	part, err := f.dialect.Read(ctx, f.bucket, key, tag, from, length)
	part.Tag = strong(part.Tag)
	return part, err
}

// Put writes an object of size bytes, replacing one of that name. It appears whole or, after an
// error, not at all.
func (f *Folder) Put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return f.explain("write", name, f.put(ctx, name, content, size, &blob.WriterOptions{}))
}

// Create writes a small object unless one of that name exists, which is fs.ErrExist, if the
// store can tell: some that speak the S3 protocol overwrite it.
func (f *Folder) Create(ctx context.Context, name string, content []byte) error {
	return f.explain("write", name, f.create(ctx, name, strings.NewReader(string(content)), int64(len(content))))
}

func (f *Folder) create(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	err := f.put(ctx, name, content, size, &blob.WriterOptions{IfNotExist: true})
	if unconditional(err) {
		err = f.put(ctx, name, content, size, &blob.WriterOptions{})
	}
	return err
}

// PutIf writes an object if the one under its name is still in that state; otherwise it returns
// ErrChanged. With stores that know no conditions it checks just before writing.
func (f *Folder) PutIf(ctx context.Context, name string, content io.ReaderAt, size int64, s State) error {
	var err error
	if s.Exists {
		err = f.replace(ctx, name, content, size, s)
	} else {
		err = f.create(ctx, name, content, size)
	}
	return f.explain("write", name, unmet(err))
}

func (f *Folder) replace(ctx context.Context, name string, content io.ReaderAt, size int64, s State) error {
	if err := f.compare(ctx, name, s); err != nil {
		return err
	}
	err := f.put(ctx, name, content, size, &blob.WriterOptions{BeforeWrite: func(as func(any) bool) error {
		f.dialect.Replace(as, s.version)
		return nil
	}})
	if unconditional(err) {
		err = f.put(ctx, name, content, size, &blob.WriterOptions{})
	}
	if err != nil && kindOf(err) == missing { // the object; without the bucket it could not be compared
		return ErrChanged
	}
	return err
}

// compare checks the object's state for stores without conditions.
func (f *Folder) compare(ctx context.Context, name string, s State) error {
	if s.version != "" && f.conditions {
		return nil
	}
	now, err := f.State(ctx, name)
	if err == nil && (!now.Exists || !sameTime(now.Modified, s.Modified)) {
		err = ErrChanged
	}
	return err
}

// sameTime compares times at the coarser precision of the two: headers have no fractions of
// seconds.
func sameTime(a, b time.Time) bool {
	if a.Nanosecond() == 0 || b.Nanosecond() == 0 {
		a, b = a.Truncate(time.Second), b.Truncate(time.Second)
	}
	return a.Equal(b)
}

// unmet is ErrChanged for a condition that was not met.
func unmet(err error) error {
	if err != nil && kindOf(err) == conflict {
		return fmt.Errorf("%w (%w)", ErrChanged, err)
	}
	return err
}

func (f *Folder) put(ctx context.Context, name string, content io.ReaderAt, size int64, options *blob.WriterOptions) error {
	if !f.dialect.writes(f.key(name)) {
		return fmt.Errorf("the provider's library would write it under another name, as it does for names with control characters, ../, __0x or one of %q: choose another name", f.dialect.Odd)
	}
	options.ContentType, options.DisableContentTypeDetection = "application/octet-stream", true
	return f.patience.try(ctx, f.patience.transfer(size), func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// With one reader: blob's Azure driver panics if it is written to in pieces and that fails.
		return f.bucket.Upload(ctx, f.key(name), &whole{io.NewSectionReader(content, 0, size), size, cancel}, options)
	})
}

// whole reads content that must not end early. If it does, it cancels the write: some drivers would
// take the premature end for the end of the object.
type whole struct {
	io.Reader
	left   int64
	giveUp func()
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		err = fmt.Errorf("%w: %d bytes are missing", io.ErrUnexpectedEOF, w.left)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		w.giveUp()
	}
	return n, err
}

// Delete deletes an object. A missing one is not an error.
func (f *Folder) Delete(ctx context.Context, name string) error {
	return f.explain("delete", name, f.remove(ctx, name, ""))
}

// DeleteIf deletes an object if the one under its name is still in that state; otherwise it returns
// ErrChanged. A missing one is not an error. With stores that know no conditions it checks just
// before deleting.
func (f *Folder) DeleteIf(ctx context.Context, name string, s State) error {
	if !s.Exists {
		return nil
	}
	err := f.compare(ctx, name, s)
	if err == nil {
		err = f.remove(ctx, name, s.version)
	}
	if unconditional(err) {
		err = f.remove(ctx, name, "")
	}
	return f.explain("delete", name, unmet(err))
}

func (f *Folder) remove(ctx context.Context, name, tag string) error {
	err := f.patience.try(ctx, f.patience.Answer, func(ctx context.Context) error {
		return f.dialect.Delete(ctx, f.bucket, f.key(name), tag)
	})
	if err != nil && kindOf(err) == missing {
		return nil
	}
	return err
}
