package guard

import (
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/internal/budget"
)

// Limited is an allocator for files each of which may take at most so many bytes, as the user decided; with 0,
// as its size allows.
type Limited struct {
	memory.Allocator
	Most int64
}

// Budget is the budget of a file of size bytes that is read with an allocator.
func Budget(mem memory.Allocator, size int64) *budget.Budget {
	most := int64(0)
	if limited, ok := mem.(Limited); ok {
		most = limited.Most
	}
	return budget.For(size, budget.Packed, most)
}

// Allocator charges what Arrow allocates, and refuses what a file may not take by a panic that Call
// turns into an error. Without it the process would run out of memory.
type Allocator struct {
	memory.Allocator
	Memory *budget.Budget
	// Most is the largest size of one allocation, 0 for any.
	Most int64
	held atomic.Int64
}

func (a *Allocator) take(size int64) {
	// Arrow rounds sizes up, to a power of two at most.
	if a.Most > 0 && size/2 > a.Most {
		panic(fmt.Errorf("%w: it asks for %d bytes of memory", ErrCorrupt, size))
	}
	if err := a.Memory.Take(size, "a part of it"); err != nil {
		panic(err)
	}
	a.held.Add(size)
}

// give returns what was charged, but not more: buffers may be released after Reset.
func (a *Allocator) give(size int64) {
	for {
		held := a.held.Load()
		n := min(size, held)
		if a.held.CompareAndSwap(held, held-n) {
			a.Memory.Give(n)
			return
		}
	}
}

// Reset forgets what is still charged. Arrow does not release everything.
func (a *Allocator) Reset() { a.Memory.Give(a.held.Swap(0)) }

// Allocate implements memory.Allocator.
func (a *Allocator) Allocate(size int) []byte {
	a.take(int64(size))
	return a.Allocator.Allocate(size)
}

// Reallocate implements memory.Allocator.
func (a *Allocator) Reallocate(size int, b []byte) []byte {
	if more := int64(size - len(b)); more >= 0 {
		a.take(more)
	} else {
		a.give(-more)
	}
	return a.Allocator.Reallocate(size, b)
}

// Free implements memory.Allocator.
func (a *Allocator) Free(b []byte) {
	a.give(int64(len(b)))
	a.Allocator.Free(b)
}
