package budget

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
)

func TestLimit(t *testing.T) {
	const gigabyte = 1_000_000_000
	machine := Total()
	for _, test := range []struct{ size, perByte, most, want int64 }{
		{0, Plain, 0, Base},
		{-1, Plain, 0, Base},
		{1000, Plain, 0, Base + 4000},
		{1000, Packed, 0, Base + 16000},
		{1000, Packed, gigabyte, gigabyte}, // the user's word replaces the rule, upward
		{gigabyte, Plain, 1000, 1000},      // and downward
		{math.MaxInt64, Packed, 0, machine},
	} {
		if got := For(test.size, test.perByte, test.most).limit; got != test.want && test.want != 0 && machine > Base+16000 {
			t.Errorf("a file of %d bytes, %d each, at most %d: %d bytes, want %d", test.size, test.perByte, test.most, got, test.want)
		}
	}
}

func TestTakeAndGive(t *testing.T) {
	b := For(10, Plain, 1000)
	for _, step := range []struct {
		take, give int64
		fits       bool
	}{{600, 0, true}, {401, 0, false}, {400, 0, true}, {1, 0, false}, {0, 600, true}, {600, 0, true}, {math.MaxInt64, 0, false}, {-1, 0, false}} {
		b.Give(step.give)
		if err := b.Take(step.take, "a tensor"); (err == nil) != step.fits || err != nil && !errors.Is(err, ErrMemory) {
			t.Errorf("take %d, give %d: %v", step.take, step.give, err)
		}
	}
	if b.Left() != 0 {
		t.Errorf("%d bytes are left", b.Left())
	}
	if err := For(0, Plain, 1000).Count(math.MaxInt64/2, 1000, "entries"); !errors.Is(err, ErrMemory) {
		t.Errorf("a product beyond all numbers: %v", err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	err := For(2_000_000, Plain, 0).Take(2_000_000_000, "the header")
	for _, want := range []string{"the header needs 2.00 GB", "a file of 2.0 MB may take 276.4 MB", "--max-memory 4GB"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	b := For(10, Plain, 1000)
	_ = b.Take(900, "x")
	if err := b.Take(200, "the header"); err == nil || !strings.Contains(err.Error(), "900 bytes are in use; --max-memory is 1.0 kB") {
		t.Errorf("the user's limit: %v", err)
	}
	if err := For(1, Plain, 0).Take(1<<60, "the header"); err == nil || strings.Contains(err.Error(), "--max-memory") {
		t.Errorf("more than any machine has: %v", err)
	}
}

func TestNilHasNoLimit(t *testing.T) {
	var b *Budget
	if err := b.Take(math.MaxInt64, "all"); err != nil || b.Left() != math.MaxInt64 {
		t.Errorf("%v", err)
	}
	b.Give(1)
}

func TestConcurrentTakes(t *testing.T) {
	b := For(0, Plain, 100)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				if b.Take(13, "x") == nil {
					if held := b.held.Load(); held > 100 {
						t.Errorf("%d bytes are held", held)
					}
					b.Give(13)
				}
			}
		})
	}
	group.Wait()
	if b.Left() != 100 {
		t.Errorf("%d bytes are left", b.Left())
	}
}
