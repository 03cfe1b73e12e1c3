package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mostLinks is as many as the system follows.
const mostLinks = 40

// Target is the file that a name leads to: links are followed, even to files that do not exist yet.
func Target(name string) (string, error) {
	if name == "" {
		return "", errors.New("an empty name")
	}
	name = filepath.Clean(name)
	for range mostLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(name))
		if err != nil {
			return "", err
		}
		name = filepath.Join(dir, filepath.Base(name))
		if strings.HasPrefix(name, "/proc/") { // its links lead to what has no name, too
			return name, nil
		}
		link, err := os.Readlink(name)
		if err != nil {
			return name, nil // not a link
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(dir, link)
		}
		name = link
	}
	return "", fmt.Errorf("%s: %w", name, unix.ELOOP)
}

// stream opens what is written as it is, and is nil for all else.
func stream(name string) (*os.File, error) {
	if strings.HasPrefix(name, "/proc/") {
		own := fmt.Sprintf("/proc/%d/fd/", os.Getpid())
		if fd, err := strconv.Atoi(strings.TrimPrefix(name, own)); err == nil {
			// Opened anew, a file would be written from its beginning, and a socket not at all.
			again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return nil, err
			}
			return os.NewFile(uintptr(again), name), nil
		}
		return os.OpenFile(name, os.O_WRONLY, 0)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil || info.Mode().IsRegular():
		return nil, nil // writing will report it
	case info.IsDir():
		return nil, unix.EISDIR
	}
	return os.OpenFile(name, os.O_WRONLY, 0)
}

// replaceable is the file of a name, nil if there is none, unless it may not be written to.
func replaceable(name string) (fs.FileInfo, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return info, unix.Access(name, unix.W_OK)
}
