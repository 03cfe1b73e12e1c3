package guard

import (
	"encoding/binary"
	"fmt"
)

// Types of fields in Thrift's compact protocol, in which Parquet writes its footer and the headers of pages.
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

const (
	// maxThriftDepth bounds how deeply structs and lists lie in one another; Parquet's own go eight deep.
	maxThriftDepth = 32
	// thriftStructBytes is what a struct of a footer may take once it is read, thriftValueBytes any other
	// element of a list.
	thriftStructBytes = 512
	thriftValueBytes  = 16
)

// thriftWalk goes through a struct without allocating memory for it. Arrow's reader allocates what the
// lengths of lists claim.
type thriftWalk struct {
	data []byte
	at   int
	// cost is about what the lists and texts will take in memory.
	cost int64
	// short means that the data ended within the struct.
	short bool
}

func (t *thriftWalk) left() int { return len(t.data) - t.at }

func (t *thriftWalk) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d of its Thrift data", ErrCorrupt, what, t.at)
}

func (t *thriftWalk) end() error {
	t.short = true
	return t.fail("it ends too early")
}

func (t *thriftWalk) byte() (byte, error) {
	if t.left() < 1 {
		return 0, t.end()
	}
	t.at++
	return t.data[t.at-1], nil
}

func (t *thriftWalk) skip(n uint64) error {
	if n > uint64(t.left()) {
		return t.end()
	}
	t.at += int(n)
	return nil
}

func (t *thriftWalk) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.data[t.at:])
	switch {
	case n == 0:
		return 0, t.end()
	case n < 0:
		return 0, t.fail("a number is too long")
	}
	t.at += n
	return v, nil
}

// integer reads a number as it is written in fields of the types i16 to i64.
func (t *thriftWalk) integer() (int64, error) {
	v, err := t.uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

// fields visits the fields of a struct. visit consumes the field's value, or returns false.
func (t *thriftWalk) fields(depth int, visit func(id int, kind byte) (bool, error)) error {
	if depth > maxThriftDepth {
		return t.fail("structs lie too deeply in one another")
	}
	for id := 0; ; {
		head, err := t.byte()
		if err != nil || head == thriftStop {
			return err
		}
		if delta := int(head >> 4); delta != 0 {
			id += delta
		} else if v, err := t.integer(); err != nil {
			return err
		} else {
			id = int(int16(v))
		}
		used := false
		if visit != nil {
			if used, err = visit(id, head&0xf); err != nil {
				return err
			}
		}
		if !used {
			if err := t.value(head&0xf, depth, false); err != nil {
				return err
			}
		}
	}
}

// list reads the head of a list, whose elements take a byte each at least.
func (t *thriftWalk) list() (kind byte, n int, err error) {
	head, err := t.byte()
	if err != nil {
		return 0, 0, err
	}
	size := uint64(head >> 4)
	if size == 15 {
		if size, err = t.uvarint(); err != nil {
			return 0, 0, err
		}
	}
	if size > uint64(t.left()) {
		return 0, 0, t.end()
	}
	kind = head & 0xf
	t.cost += int64(size) * thriftValueBytes
	if kind == thriftStruct {
		t.cost += int64(size) * thriftStructBytes
	}
	return kind, int(size), nil
}

// value skips a value; truth values take a byte only within lists.
func (t *thriftWalk) value(kind byte, depth int, listed bool) error {
	switch kind {
	case thriftTrue, thriftFalse:
		if !listed {
			return nil
		}
		return t.skip(1)
	case thriftByte:
		return t.skip(1)
	case thriftI16, thriftI32, thriftI64:
		_, err := t.uvarint()
		return err
	case thriftDouble:
		return t.skip(8)
	case thriftBinary:
		n, err := t.uvarint()
		if err != nil {
			return err
		}
		t.cost += int64(min(n, uint64(t.left())))
		return t.skip(n)
	case thriftList, thriftSet:
		return t.elements(depth)
	case thriftMap:
		return t.pairs(depth)
	case thriftStruct:
		return t.fields(depth+1, nil)
	}
	return t.fail(fmt.Sprintf("a value of the unknown type %d", kind))
}

func (t *thriftWalk) elements(depth int) error {
	if depth > maxThriftDepth {
		return t.fail("lists lie too deeply in one another")
	}
	kind, n, err := t.list()
	for range n {
		if err != nil {
			break
		}
		err = t.value(kind, depth+1, true)
	}
	return err
}

// pairs skips a map, which Parquet has none of.
func (t *thriftWalk) pairs(depth int) error {
	n, err := t.uvarint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := t.byte()
	if err != nil {
		return err
	}
	if depth > maxThriftDepth {
		return t.fail("maps lie too deeply in one another")
	}
	if n > uint64(t.left()) {
		return t.end()
	}
	t.cost += int64(n) * 2 * thriftStructBytes
	for range n {
		for _, kind := range []byte{kinds >> 4, kinds & 0xf} {
			if err := t.value(kind, depth+1, true); err != nil {
				return err
			}
		}
	}
	return nil
}
