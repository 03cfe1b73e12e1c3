package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fovea/internal/redact"
)

// Seen identifies what an image was read from, so that a later run can tell without reading it
// whether it is still the same: the file or archive, by file system, inode, size and change times,
// or the object of a store, by its version. It is a digest, since it is only compared for equality.
//
// The zero value means unknown: nothing is certain to change along with the content.
type Seen [16]byte

// digest makes the Seen of the given properties.
func digest(kind string, numbers ...uint64) Seen {
	content := make([]byte, 0, 256)
	content = append(content, kind...)
	content = append(content, 0)
	for _, n := range numbers {
		content = binary.LittleEndian.AppendUint64(content, n)
	}
	sum := sha256.Sum256(content)
	return Seen(sum[:len(Seen{})])
}

// errChanging means that a file was changed or replaced while it was read.
var errChanging = errors.New("it changed while it was being read: try again when nothing writes to it")

// errReplaced means that a source is no longer what was listed, so its items may be other images by now.
var errReplaced = errors.New("was replaced or changed after it was listed: run again with --resume")

// rereadPauses are how long to wait before each further attempt to read a file that changed. Its change
// time moves along with its mode, its owner and the number of its links, too: a program that removes
// other links to it one by one is soon done.
var rereadPauses = []time.Duration{0, 10 * time.Millisecond, 100 * time.Millisecond, time.Second}

// awaitReread waits before the given attempt to read a file that changed again, the first of which is 1. It returns
// errChanging if there are no more, or why the context has ended: that is no error of the file.
func awaitReread(ctx context.Context, attempt int) error {
	if attempt > len(rereadPauses) {
		return errChanging
	}
	return pause(ctx, rereadPauses[attempt-1])
}

// state is what the system says about a file; it changes when the content does.
type state struct {
	system            *fileSystem
	inode, size       uint64
	modified, changed int64 // in nanoseconds
}

// look returns the state of the named file, or of the descriptor if name is "". It makes network
// file systems ask their server.
func look(descriptor int, name string) (state, error) {
	flags := unix.AT_STATX_FORCE_SYNC
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var s unix.Statx_t
	if err := unix.Statx(descriptor, name, flags, unix.STATX_BASIC_STATS, &s); err != nil {
		return state{}, err
	}
	system, err := systems.find(unix.Mkdev(s.Dev_major, s.Dev_minor), descriptor, name)
	if err != nil {
		return state{}, err
	}
	return state{
		system: system, inode: s.Ino, size: s.Size,
		modified: nanoseconds(s.Mtime), changed: nanoseconds(s.Ctime),
	}, nil
}

func nanoseconds(t unix.StatxTimestamp) int64 { return t.Sec*int64(time.Second) + int64(t.Nsec) }

// seen is the Seen of the state, zero if the file system would not show every change.
func (s state) seen() Seen {
	if s.system == nil || s.system.kind == vague {
		return Seen{}
	}
	return digest("file", s.system.id, s.inode, s.size, uint64(s.modified), uint64(s.changed))
}

// same reports whether the states are of the same content. The change time of a vague file system
// does not count.
func (s state) same(other state) bool {
	if s.system != nil && s.system.kind == vague {
		s.changed = other.changed
	}
	return s == other
}

// seen identifies the object as it was listed.
func (s *stored) seen(argument string) Seen {
	f := s.file
	if f.Version == "" {
		return Seen{}
	}
	_, server, _ := strings.Cut(redact.Identity(argument), "?") // one name may be in several
	kind := strings.Join([]string{"object", f.URL, server, f.Version}, "\x00")
	return digest(kind, uint64(f.Size), uint64(f.Modified.UnixNano()))
}

// look returns the current Seen of the item's file. An error means that it was not found.
func (i Item) look() (Seen, error) {
	if i.stored != nil {
		return i.stored.seen(i.Argument), nil
	}
	s, err := look(unix.AT_FDCWD, i.File)
	if errors.Is(err, unix.ENOSYS) {
		return Seen{}, nil
	}
	return s.seen(), err
}

// watch observes a file while it is being read.
type watch struct {
	descriptor int
	before     state
	// seen identifies the file later.
	seen Seen
}

// watch starts watching the file that was opened for the item.
func (i Item) watch(f File) watch {
	if i.stored != nil {
		return watch{seen: i.stored.seen(i.Argument)} // a store returns what was listed, or an error
	}
	local, ok := f.(localFile)
	if !ok {
		return watch{}
	}
	opened, ok := local.diskFile.(interface{ Fd() uintptr })
	if !ok {
		return watch{}
	}
	now := time.Now()
	w := watch{descriptor: int(opened.Fd())}
	var err error
	if w.before, err = look(w.descriptor, ""); err != nil {
		return watch{}
	}
	if w.before.settled(now) {
		w.seen = w.before.seen()
	}
	return w
}

// openToList opens the file of a source and records its state as listed.
func (i Item) openToList(ctx context.Context) (File, error) {
	f, err := i.open(ctx)
	if err != nil {
		return nil, err
	}
	w, err := i.watchListed(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	*i.listed = w
	return f, nil
}

// watchListed is watch for the file of a source. It returns errReplaced if that is not what was listed.
func (i Item) watchListed(f File) (watch, error) {
	w := i.watch(f)
	if i.listed == nil || *i.listed == (watch{}) { // unknown
		return w, nil
	}
	if !w.before.same(i.listed.before) {
		return watch{}, errReplaced
	}
	if i.listed.seen == (Seen{}) {
		w.seen = Seen{} // a change right after the listing may not have shown
	}
	return w, nil
}

// end returns what identifies the file, or errChanging. It may be called repeatedly.
func (w watch) end() (Seen, error) {
	if w.before == (state{}) {
		return w.seen, nil
	}
	if after, err := look(w.descriptor, ""); err != nil || after != w.before {
		return Seen{}, errChanging
	}
	return w.seen, nil
}

// readSeen reads the item's file, which is an image, and returns what identifies it. A file that
// changes meanwhile is read again.
func (i Item) readSeen(ctx context.Context) (data []byte, seen Seen, err error) {
	seen, err = i.watched(ctx, func(f File) (err error) {
		data, err = readContent(f, f.Size())
		return err
	})
	return data, seen, err
}

// sum computes the SHA-256 of the item's file.
func (i Item) sum(ctx context.Context) (sum [sha256.Size]byte, seen Seen, err error) {
	seen, err = i.watched(ctx, func(f File) (err error) {
		sum, err = hashContent(f)
		return err
	})
	return sum, seen, err
}

// watched reads the item's file, and again if it changes meanwhile.
func (i Item) watched(ctx context.Context, read func(File) error) (seen Seen, err error) {
	if err := openPictures.Acquire(ctx, 1); err != nil {
		return Seen{}, context.Cause(ctx)
	}
	defer openPictures.Release(1)
	once := func() (Seen, error) { return i.watchedOnce(ctx, read) }
	for attempt := 1; ; attempt++ {
		if i.stored != nil { // stores have retries of their own
			seen, err = once()
		} else {
			seen, err = patiently(ctx, once)
		}
		if !errors.Is(err, errChanging) {
			return seen, err
		}
		if err := awaitReread(ctx, attempt); err != nil {
			return Seen{}, err
		}
	}
}

func (i Item) watchedOnce(ctx context.Context, read func(File) error) (Seen, error) {
	open := i.openFile
	if i.stored != nil {
		open = func() (File, error) { return i.stored.open(ctx) }
	}
	f, err := open()
	if err != nil {
		return Seen{}, err
	}
	defer f.Close() // read-only
	w := i.watch(f)
	err = read(f)
	seen, changing := w.end()
	if changing != nil {
		return seen, changing // which explains any other error
	}
	return seen, err
}

// hashBuffers are reused, since most files are small.
var hashBuffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// hashContent computes the SHA-256 of everything that r contains.
func hashContent(r io.Reader) (sum [sha256.Size]byte, err error) {
	buffer := hashBuffers.Get().(*[256 << 10]byte)
	defer hashBuffers.Put(buffer)
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, struct{ io.Reader }{r}, buffer[:]); err != nil {
		return sum, cause(err)
	}
	hash.Sum(sum[:0])
	return sum, nil
}
