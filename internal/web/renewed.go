package web

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

// maxFile is the most bytes of a file that is watched.
const maxFile = 1 << 20

// renewed is a value that is read from files, and read again when they change. What cannot be read does
// not replace what could.
type renewed[T any] struct {
	what    string // the value's name in the log
	files   []string
	parse   func(contents [][]byte) (*T, error)
	current atomic.Pointer[T]

	// One goroutine refreshes:
	seen   [][]byte // the contents looked at last
	failed string   // why they were not usable
	still  bool     // the files are pipes, which are read once
}

// open reads the value for the first time.
func (v *renewed[T]) open() error {
	contents, err := v.read()
	if err != nil {
		return err
	}
	value, err := v.parse(contents)
	if err != nil {
		return err
	}
	v.current.Store(value)
	v.seen = contents
	for _, file := range v.files {
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			v.still = true
			logrus.Warnf("%s: the %s of a pipe or device are read once: use a file to change them while the server runs", file, v.what)
		}
	}
	return nil
}

// get is the value.
func (v *renewed[T]) get() *T { return v.current.Load() }

// refresh reads the files and, if they have changed, takes the value from them. A failure is logged once.
func (v *renewed[T]) refresh() {
	if v == nil || v.still {
		return
	}
	contents, err := v.read()
	if err == nil && equal(contents, v.seen) {
		return
	}
	var value *T
	if err == nil {
		v.seen = contents
		value, err = v.parse(contents)
	}
	names := strings.Join(v.files, ", ")
	switch {
	case err == nil:
		v.current.Store(value)
		v.failed = ""
		logrus.Infof("%s: the %s were read again", names, v.what)
	case err.Error() != v.failed:
		v.failed = err.Error()
		logrus.Warnf("the %s stay as they were, since they cannot be read again: %v", v.what, err)
	}
}

// read reads the files whole.
func (v *renewed[T]) read() ([][]byte, error) {
	var contents [][]byte
	for _, name := range v.files {
		content, err := readFile(name)
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
	}
	return contents, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes: is it the right file?", name, maxFile)
	}
	return content, err
}

func equal(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// warnOfReaders warns of a file with secrets that every user of the machine can read.
func warnOfReaders(file string) {
	if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		logrus.Warnf("%s: every user of this machine can read it (mode %#o): chmod o-rwx", file, info.Mode().Perm())
	}
}
