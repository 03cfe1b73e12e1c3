package objects

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"sync"
)

const (
	// leastChunk is what is read of an object at first, mostChunk at a time where it is read
	// on, keptChunks how many of them are kept: tables are read in several places by turns.
	leastChunk, mostChunk, keptChunks = 64 << 10, 4 << 20, 3
)

// File is an object that is open for reading, a part at a time, of which it keeps a few.
type File struct {
	ctx    context.Context // io.Reader takes no context
	folder *Folder
	object Object

	key string

	mutex  sync.Mutex
	begun  bool
	chunks []chunk // the one used last comes last
	at     int64   // where Read goes on
	closed bool
}

// chunk is a part of an object.
type chunk struct {
	from int64
	data []byte
}

func (c chunk) end() int64 { return c.from + int64(len(c.data)) }

// Open opens an object that was listed. Nothing is asked of the store before it is read; what
// is read after the context is done is its error.
func (f *Folder) Open(ctx context.Context, object Object) *File {
	key := object.Key
	if key == "" {
		key = f.key(object.Name)
	}
	return &File{ctx: ctx, folder: f, object: object, key: key}
}

// Size is the number of bytes.
func (f *File) Size() int64 { return f.object.Size }

// Close frees the memory.
func (f *File) Close() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.chunks, f.closed = nil, true
	return nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	n, err := f.readAt(p, f.at)
	f.at += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, at int64) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	read := 0
	for read < len(p) {
		n, err := f.readAt(p[read:], at+int64(read))
		read += n
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.object.Size
	}
	if offset < 0 {
		return 0, errors.New("objects: seek to before the beginning")
	}
	f.at = offset
	return offset, nil
}

// readAt gives some bytes, at least one unless there is an error.
func (f *File) readAt(p []byte, at int64) (int, error) {
	switch {
	case f.closed:
		return 0, fs.ErrClosed
	case len(p) == 0:
		return 0, nil
	case at >= f.object.Size:
		return 0, io.EOF
	}
	for i, c := range f.chunks {
		if at >= c.from && at < c.end() {
			f.chunks = append(append(f.chunks[:i:i], f.chunks[i+1:]...), c)
			return copy(p, c.data[at-c.from:]), nil
		}
	}
	// What is read in one go needs no chunk.
	if wanted := min(int64(len(p)), f.object.Size-at); wanted >= mostChunk || wanted == f.object.Size {
		wanted = min(wanted, 4*mostChunk)
		return int(wanted), f.fetch(p[:wanted], at)
	}
	c := chunk{from: at, data: make([]byte, min(f.chunkSize(at, len(p)), f.object.Size-at))}
	if f.object.Size-at < leastChunk { // the end, whose last bytes say where to look before them
		c.from = max(0, f.object.Size-leastChunk)
		c.data = make([]byte, f.object.Size-c.from)
	}
	if err := f.fetch(c.data, c.from); err != nil {
		return 0, err
	}
	if len(f.chunks) == keptChunks {
		f.chunks = f.chunks[1:]
	}
	f.chunks = append(f.chunks, c)
	return copy(p, c.data[at-c.from:]), nil
}

// chunkSize is larger where reading goes on behind the last chunks.
func (f *File) chunkSize(at int64, wanted int) int64 {
	size := int64(leastChunk)
	for _, c := range f.chunks {
		if c.end() == at {
			size = max(size, min(mostChunk, 2*int64(len(c.data))))
		}
	}
	return max(size, int64(min(wanted, mostChunk)))
}

// fetch reads a part of the object, if it is the one that was listed.
func (f *File) fetch(p []byte, from int64) error {
	patience := f.folder.patience
	err := patience.try(f.ctx, patience.transfer(int64(len(p))), func(ctx context.Context) error {
		r, err := f.folder.read(ctx, f.key, f.object.Version, from, int64(len(p)))
		switch {
		case err != nil && (kindOf(err) == conflict || statusOf(err) == http.StatusRequestedRangeNotSatisfiable): // it is shorter now
			return f.changed()
		case err != nil:
			return err
		}
		defer r.Close() // read-only
		if !f.object.is(r) {
			return f.changed()
		}
		_, err = io.ReadFull(r, p)
		return err
	})
	f.begun = f.begun || err == nil
	return f.folder.explain("read", f.object.Name, err)
}

func (f *File) changed() error {
	if f.begun {
		return errReplaced
	}
	return ErrChanged
}

// is says whether a part is of the object that was listed. Some stores give no tags, and some pass
// over the condition that the tag be the same.
func (o Object) is(p Part) bool {
	if o.Version != "" && p.Tag != "" {
		return o.Version == p.Tag && o.Size == p.Size
	}
	return o.Size == p.Size && (o.Modified.IsZero() || p.Modified.IsZero() || sameTime(o.Modified, p.Modified))
}
