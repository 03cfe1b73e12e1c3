package guard

import (
	"encoding/binary"
	"fmt"
	"io"

	"fovea/internal/budget"
)

const (
	parquetMagic = "PAR1"
	// parquetTailBytes are the length of the footer and the magic.
	parquetTailBytes = 4 + len(parquetMagic)
	// maxSchemaDepth and maxSchemaElements bound the tree of columns, which Arrow's reader goes through
	// recursively.
	maxSchemaDepth    = 64
	maxSchemaElements = 1 << 16
)

// checkFooter goes through the footer of a Parquet file of size bytes before Arrow's reader does, which
// allocates what lengths and numbers of columns in it claim, and charges what the footer takes.
func checkFooter(r io.ReaderAt, size int64, memory *budget.Budget) error {
	if size < int64(parquetTailBytes+len(parquetMagic)) {
		return fmt.Errorf("%w: %d bytes are not a Parquet file", ErrCorrupt, size)
	}
	tail := make([]byte, parquetTailBytes)
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if string(tail[4:]) != parquetMagic {
		return fmt.Errorf("%w: it does not end like a Parquet file", ErrCorrupt)
	}
	if length > size-int64(parquetTailBytes) {
		return fmt.Errorf("%w: its footer claims %d bytes of a file of %d", ErrCorrupt, length, size)
	}
	if err := memory.Take(2*length, "its footer"); err != nil {
		return err
	}
	footer := make([]byte, length)
	if _, err := r.ReadAt(footer, size-int64(parquetTailBytes)-length); err != nil {
		return err
	}
	walk := thriftWalk{data: footer}
	err := walk.fields(0, func(id int, kind byte) (bool, error) {
		const schemaField = 2
		if id != schemaField || kind != thriftList {
			return false, nil
		}
		return true, walk.schema()
	})
	if err != nil {
		return fmt.Errorf("its footer: %w", err)
	}
	return memory.Take(walk.cost, "what its footer lists")
}

// schema reads the list of the schema's elements, each with the number of its children, which follow it.
func (t *thriftWalk) schema() error {
	kind, n, err := t.list()
	if err != nil {
		return err
	}
	if kind != thriftStruct || n > maxSchemaElements {
		return t.fail(fmt.Sprintf("a schema of %d elements of the type %d", n, kind))
	}
	open := []int64{1} // how many elements are still missing at each level: first the root
	for i := range n {
		for len(open) > 1 && open[len(open)-1] == 0 {
			open = open[:len(open)-1]
		}
		if open[len(open)-1]--; open[len(open)-1] < 0 {
			return t.fail("columns that belong to no other")
		}
		children, err := t.children()
		if err != nil {
			return err
		}
		if children < 0 || children > int64(n-i-1) {
			return t.fail(fmt.Sprintf("an element of the schema with %d parts", children))
		}
		if open = append(open, children); len(open) > maxSchemaDepth {
			return t.fail("columns lie too deeply in one another")
		}
	}
	for _, missing := range open {
		if missing > 0 {
			return t.fail("columns are missing")
		}
	}
	return nil
}

// children reads an element of the schema.
func (t *thriftWalk) children() (n int64, err error) {
	const childrenField = 5
	err = t.fields(1, func(id int, kind byte) (bool, error) {
		if id != childrenField || kind != thriftI32 {
			return false, nil
		}
		n, err = t.integer()
		return true, err
	})
	return n, err
}
