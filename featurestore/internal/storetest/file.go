package storetest

import (
	"io/fs"
	"os"
)

// FailingFile is a file whose disk fails with Err once Left reads are done.
type FailingFile struct {
	*os.File
	Err error
	// Left is negative once a read has failed.
	Left int
}

func (f *FailingFile) failed() error {
	if f.Left--; f.Left < 0 {
		return &fs.PathError{Op: "read", Path: f.Name(), Err: f.Err}
	}
	return nil
}

// Read implements io.Reader.
func (f *FailingFile) Read(p []byte) (int, error) {
	if err := f.failed(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// ReadAt implements io.ReaderAt.
func (f *FailingFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.failed(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}
