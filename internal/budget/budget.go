package budget

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"fovea/internal/text"
)

// Base is what reading even the smallest file may take: 256 MiB.
const Base = 256 << 20

// How many bytes of memory a file may take for each of its own, in addition to Base.
const (
	// Plain is for formats that hold numbers as they are: the file itself, and its numbers as float32
	// where they are narrower.
	Plain = 4
	// Packed is for formats with compression or text: weights and features shrink to half at best, whole
	// numbers and texts to less.
	Packed = 16
)

// ErrMemory means that a file would take more memory than it may.
var ErrMemory = errors.New("it would take too much memory")

// Budget is the memory that the reader of one file may hold. A nil *Budget has no limit. It may be used by
// several goroutines.
type Budget struct {
	size, perByte, limit int64
	given                bool // by the user
	held                 atomic.Int64
}

// For is the budget of a file of size bytes: most bytes if that is not 0, as the user decided, or else Base
// and perByte times the size, but not more than the machine has.
func For(size, perByte, most int64) *Budget {
	if most > 0 {
		return &Budget{size: size, limit: most, given: true}
	}
	size = max(size, 0)
	limit := int64(math.MaxInt64)
	if size < (math.MaxInt64-Base)/perByte {
		limit = Base + perByte*size
	}
	if machine := Total(); machine > 0 {
		limit = min(limit, machine)
	}
	return &Budget{size: size, perByte: perByte, limit: limit}
}

// Beside is the budget of a file together with another one of size bytes that belongs to it. What is held
// carries over.
func (b *Budget) Beside(size int64) *Budget {
	if b == nil || b.given {
		return b
	}
	both := For(b.size+size, b.perByte, 0)
	both.held.Store(b.held.Load())
	return both
}

// Left is how many more bytes may be held.
func (b *Budget) Left() int64 {
	if b == nil {
		return math.MaxInt64
	}
	return max(0, b.limit-b.held.Load())
}

// Take charges n bytes for what is about to be allocated. The error is ErrMemory, and nothing was charged.
func (b *Budget) Take(n int64, what string) error {
	if b == nil || n == 0 {
		return nil
	}
	if n < 0 {
		return fmt.Errorf("%w: %s has a size of %d bytes", ErrMemory, what, n)
	}
	for {
		held := b.held.Load()
		if n > b.limit-held {
			return b.refuse(n, held, what)
		}
		if b.held.CompareAndSwap(held, held+n) {
			return nil
		}
	}
}

// Count is Take for n things of so many bytes each.
func (b *Budget) Count(n, each int64, what string) error {
	if n > 0 && each > 0 && n > math.MaxInt64/each {
		n, each = math.MaxInt64, 1
	}
	return b.Take(n*each, what)
}

// perValue is more than a value of a JSON text takes once it is a Go value, in a slice or map that has just grown, besides
// its own bytes.
const perValue = 128

// JSON charges what the values of a JSON text take once they are read, which may be a hundred times what short ones take
// as text.
func (b *Budget) JSON(text []byte, what string) error {
	values := 1 + bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'['}) + bytes.Count(text, []byte{'{'})
	if err := b.Count(int64(len(text)), Plain, what); err != nil {
		return err
	}
	return b.Count(int64(values), perValue, fmt.Sprintf("%s with up to %d values", what, values))
}

// Give returns n bytes that were taken and are no longer held.
func (b *Budget) Give(n int64) {
	if b != nil {
		b.held.Add(-n)
	}
}

// refuse says what does not fit and how to read the file nevertheless.
func (b *Budget) refuse(n, held int64, what string) error {
	having := ""
	if held > 0 {
		having = fmt.Sprintf(", and %s are in use", text.Size(held))
	}
	why := fmt.Sprintf("a file of %s may take %s", text.Size(b.size), text.Size(b.limit))
	if b.given {
		why = fmt.Sprintf("--max-memory is %s", text.Size(b.limit))
	}
	// Far more than the machine has cannot be remedied.
	if machine := Total(); machine > 0 && n > machine-held {
		return fmt.Errorf("%w: %s needs %s%s; %s, and this machine has %s: the file is damaged, or use a larger machine", ErrMemory, what, text.Size(n), having, why, text.Size(machine))
	}
	return fmt.Errorf("%w: %s needs %s%s; %s: if you trust the file, give --max-memory %s", ErrMemory, what, text.Size(n), having, why, enough(held+n))
}

// enough is a limit with room for n bytes and as much again for what follows, in whole gigabytes.
func enough(n int64) string { return fmt.Sprintf("%dGB", (n+n/2)/1e9+1) }
