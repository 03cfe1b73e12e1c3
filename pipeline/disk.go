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

// files is the file system.
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

// disk is the file system; tests replace it by one that fails.
var disk files = osFiles{}

// ownErrors are errors of opening a file that are due to the file itself. All others are the
// machine's: the next files would fail as well.
var ownErrors = []error{
	unix.ENOENT, unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.ELOOP, unix.EACCES, unix.EPERM,
	unix.ENXIO, unix.EINVAL, unix.EILSEQ, unix.EOVERFLOW,
}

// isOwn reports whether an error is due to the file that was to be opened.
func isOwn(err error) bool {
	return slices.ContainsFunc(ownErrors, func(own error) bool { return errors.Is(err, own) })
}

// remedies say what to do about the machine's errors; noAnswer is for all others.
var remedies = map[syscall.Errno]string{
	unix.EMFILE: "this program cannot open more files: raise the limit (ulimit -n)",
	unix.ENFILE: "the system cannot open more files: raise fs.file-max, or end other programs",
	unix.ENOMEM: "the machine is out of memory: end other programs",
	unix.EACCES: "a directory on the way is not accessible: give this user permission to read it",
	unix.EPERM:  "a directory on the way is not accessible: give this user permission to read it",
}

const noAnswer = "this is an error of the disk or its server, not of the file: check that they work"

// machineError is the StoreError of an operation on a file.
func machineError(verb, file string, err error) error {
	remedy := noAnswer
	var number syscall.Errno
	if errors.As(err, &number) && remedies[number] != "" {
		remedy = remedies[number]
	}
	return &StoreError{fmt.Errorf("cannot %s %s: %w: %s", verb, file, cause(err), remedy)}
}

// pauses are the pauses between attempts when the machine fails.
var pauses = []time.Duration{100 * time.Millisecond, time.Second, 5 * time.Second}

// patiently repeats a call that fails because of the machine, unless waiting cannot help.
func patiently[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for attempt := 0; ; attempt++ {
		value, err := call()
		if ofStore(err) == nil || attempt == len(pauses) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return value, err
		}
		if err := pause(ctx, pauses[attempt]); err != nil {
			return value, err
		}
	}
}

// pause waits, or returns why the context has ended.
func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-time.After(length):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// openPictures bounds the number of images that are open at once, to half of the descriptors that
// the program does not need itself: more would gain nothing.
var openPictures = semaphore.NewWeighted(picturesAtATime())

const (
	// ownDescriptors are for the library, the dataset's files, sockets and the runtime.
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
		if err == nil || isOwn(err) && !errors.Is(err, fs.ErrPermission) { // disappeared, or too deep
			return entries, err
		}
		return nil, machineError("list", dir, err)
	})
}

// gone is the error of an item that has disappeared: its own, unless the directory under which it
// was found has disappeared as well, or is another one because a disk was unmounted.
func (i Item) gone(err error) error {
	if i.root == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return err
	}
	now, rootErr := disk.Stat(i.Argument)
	if rootErr == nil && os.SameFile(now, i.root.FileInfo) {
		return err
	}
	return &StoreError{fmt.Errorf("cannot read %s: %w: %s has disappeared, or is not the directory that was listed: check that its disk is mounted", i.File, err, filepath.Clean(i.Argument))}
}
