package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"
)

// files is where pictures lie that are in no Store.
type files interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (diskFile, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// diskFile is an open file.
type diskFile interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

type osFiles struct{}

func (osFiles) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osFiles) Open(name string) (diskFile, error)         { return os.Open(name) }
func (osFiles) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// disk is the file system; tests have one that fails.
var disk files = osFiles{}

// ownErrors are what opening a file may end with for no other reason than the file itself: any
// other error is the machine's, whose next files would fail as well.
var ownErrors = []error{
	unix.ENOENT, unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.ELOOP, unix.EACCES, unix.EPERM,
	unix.ENXIO, unix.EINVAL, unix.EILSEQ, unix.EOVERFLOW,
}

// isOwn says whether an error is one of the file that was to be opened.
func isOwn(err error) bool {
	return slices.ContainsFunc(ownErrors, func(own error) bool { return errors.Is(err, own) })
}

// remedies say what to do about the machine's errors; noAnswer is for all others.
var remedies = map[syscall.Errno]string{
	unix.EMFILE: "this program may have no more files open: raise the limit (ulimit -n)",
	unix.ENFILE: "the system has no more files to open: raise fs.file-max, or end other programs",
	unix.ENOMEM: "the machine is out of memory: end other programs",
	unix.EACCES: "a directory on the way may not be looked into: give this user leave to read it",
	unix.EPERM:  "a directory on the way may not be looked into: give this user leave to read it",
}

const noAnswer = "it is the disk's or its server's error and says nothing of the file: see that they are well"

// machineError is a StoreError of what was done with a file.
func machineError(verb, file string, err error) error {
	remedy := noAnswer
	var number syscall.Errno
	if errors.As(err, &number) && remedies[number] != "" {
		remedy = remedies[number]
	}
	return &StoreError{fmt.Errorf("cannot %s %s: %w: %s", verb, file, cause(err), remedy)}
}

// pauses are those between attempts at what the machine refuses.
var pauses = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second}

// patiently calls until there is no error of the machine's, or one that waiting does not mend.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for attempt := 0; ; attempt++ {
		value, err := call()
		if ofStore(err) == nil || attempt == len(pauses) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return value, err
		}
		select {
		case <-time.After(pauses[attempt]):
		case <-ctx.Done():
			return value, context.Cause(ctx)
		}
	}
}

// openPictures bounds the pictures that are open at a time: more than half of the descriptors that
// are left when the program's own are counted would gain nothing.
var openPictures = semaphore.NewWeighted(picturesAtATime())

const (
	// ownDescriptors are those of the library, the dataset's files, sockets and the runtime.
	ownDescriptors  = 48
	mostDescriptors = 1024
)

func picturesAtATime() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return mostDescriptors
	}
	return max(1, (int64(min(limit.Cur, 2*mostDescriptors))-ownDescriptors)/2)
}

// readDir lists a directory.
func readDir(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	return patiently(ctx, func() ([]fs.DirEntry, error) {
		entries, err := disk.ReadDir(dir)
		if err == nil || isOwn(err) && !errors.Is(err, fs.ErrPermission) { // gone by now, too deep
			return entries, err
		}
		return nil, machineError("list", dir, err)
	})
}

// gone is the error of an item that is not there any more: its own, unless the directory that it
// was found under is not there either, or is another one since a disk was unmounted.
func (i Item) gone(err error) error {
	if i.root == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return err
	}
	now, rootErr := disk.Stat(i.Argument)
	if rootErr == nil && os.SameFile(now, i.root.FileInfo) {
		return err
	}
	return &StoreError{fmt.Errorf("cannot read %s: %w: %s is not there any more, or another directory than the one that was listed: see that its disk is mounted", i.File, err, filepath.Clean(i.Argument))}
}
