package guard

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/memory"
)

// MaxParquetBuffer bounds what one page of a Parquet file may claim to need.
const MaxParquetBuffer = 1 << 30

// Allocator refuses sizes that only a damaged file asks for, by a panic that Call turns into an
// error. Without it the process would run out of memory.
type Allocator struct {
	memory.Allocator
	// Limit is the largest size in bytes that is allowed.
	Limit int64
}

func (a *Allocator) check(size int) {
	// Arrow rounds sizes up, to a power of two at most.
	if size < 0 || int64(size)/2 > a.Limit {
		panic(fmt.Errorf("%w: it asks for %d bytes of memory", ErrCorrupt, size))
	}
}

// Allocate implements memory.Allocator.
func (a *Allocator) Allocate(size int) []byte {
	a.check(size)
	return a.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (a *Allocator) Reallocate(size int, b []byte) []byte {
	a.check(size)
	return a.Allocator.Reallocate(size, b)
}
