package training

import (
	"fmt"
	"os"
)

// Records are byte strings of one size in a temporary file, which can be read in any order. The
// operating system caches as many as fit in memory, but there may be more.
type Records struct {
	file *os.File
	size int
	n    int
}

// NewRecords makes a file for records of size bytes in the directory dir. It goes away with Close,
// or when the process ends.
func NewRecords(dir string, size int) (*Records, error) {
	if size < 1 {
		return nil, fmt.Errorf("training: records of %d bytes: use 1 or more", size)
	}
	file, err := os.CreateTemp(dir, ".records-*")
	if err != nil {
		return nil, fmt.Errorf("training: make a file for the examples: %w", err)
	}
	// Without a name it cannot be left behind. Where open files cannot be removed, Close does it.
	_ = os.Remove(file.Name())
	return &Records{file: file, size: size}, nil
}

// Append adds a record, which it copies.
func (r *Records) Append(record []byte) error {
	if len(record) != r.size {
		return fmt.Errorf("training: a record of %d bytes, where all have %d", len(record), r.size)
	}
	if _, err := r.file.WriteAt(record, int64(r.n)*int64(r.size)); err != nil {
		return fmt.Errorf("training: store example %d: %w", r.n, err)
	}
	r.n++
	return nil
}

// Len is the number of records.
func (r *Records) Len() int { return r.n }

// Size is the number of bytes of each.
func (r *Records) Size() int { return r.size }

// Read reads record i.
func (r *Records) Read(dst []byte, i int) error {
	if i < 0 || i >= r.n || len(dst) != r.size {
		return fmt.Errorf("training: cannot read record %d of %d into %d bytes", i, r.n, len(dst))
	}
	if _, err := r.file.ReadAt(dst, int64(i)*int64(r.size)); err != nil {
		return fmt.Errorf("training: read example %d: %w", i, err)
	}
	return nil
}

// Close removes the file.
func (r *Records) Close() error {
	_ = os.Remove(r.file.Name())
	return r.file.Close()
}
