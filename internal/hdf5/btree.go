package hdf5

import "fmt"

// maxLevels bounds the height of a tree.
const maxLevels = 32

// oldTree visits the leaves of a version 1 B-tree: the key before each child, and the
// child's address. Kind is 0 for groups and 1 for chunks.
func (f *File) oldTree(address uint64, kind byte, keySize int, visit func(key *cursor, child uint64) error) error {
	return f.oldNode(address, kind, keySize, -1, map[uint64]bool{}, visit)
}

func (f *File) oldNode(address uint64, kind byte, keySize, wanted int, seen map[uint64]bool, visit func(*cursor, uint64) error) error {
	if seen[address] {
		return fmt.Errorf("%w: a tree that grows into itself", ErrFormat)
	}
	seen[address] = true
	prefix := uint64(8 + 2*f.offsetSize)
	c, err := f.block(address, prefix, "TREE")
	if err != nil {
		return err
	}
	if found := c.byte(); found != kind {
		return fmt.Errorf("%w: a tree of kind %d instead of %d", ErrFormat, found, kind)
	}
	level, count := int(c.byte()), int(c.uint16())
	if level > maxLevels || wanted >= 0 && level != wanted {
		return fmt.Errorf("%w: a tree's node at level %d instead of %d", ErrFormat, level, wanted)
	}
	data, err := f.at(address+prefix, uint64(count*(keySize+f.offsetSize)))
	if err != nil {
		return err
	}
	entries := cursor{data: data, file: f}
	for range count {
		key := cursor{data: entries.take(keySize), file: f}
		child := entries.address()
		if level > 0 {
			err = f.oldNode(child, kind, keySize, level-1, seen, visit)
		} else {
			err = visit(&key, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The kinds of version 2 B-trees that are read.
const (
	indexLinkName      = 5
	indexAttributeName = 8
	indexChunks        = 10
	indexFiltered      = 11
)

// newTree is the geometry of a version 2 B-tree.
type newTree struct {
	file             *File
	kind             byte
	nodeSize, record uint64
	levels           []treeLevel
	seen             map[uint64]bool
	visit            func(record *cursor) error
}

// treeLevel says how many records a node of a level can have, and how wide the numbers are
// by which its parent counts them.
type treeLevel struct {
	most, below           uint64
	mostWidth, belowWidth int
}

// records visits the records of a version 2 B-tree, and returns how many they are.
func (f *File) records(address uint64, kind byte, visit func(record *cursor) error) error {
	c, err := f.block(address, uint64(22+f.offsetSize+f.lengthSize), "BTHD")
	if err != nil {
		return err
	}
	if version, found := c.byte(), c.byte(); version != 0 || found != kind {
		return fmt.Errorf("%w: a tree of version %d and kind %d instead of %d", ErrUnsupported, version, found, kind)
	}
	t := newTree{file: f, kind: kind, visit: visit, seen: map[uint64]bool{}}
	t.nodeSize, t.record = uint64(c.uint32()), uint64(c.uint16())
	depth := int(c.uint16())
	c.skip(2)
	root, count := c.address(), uint64(c.uint16())
	total := c.length()
	if err := c.checksum(); err != nil {
		return err
	}
	if err := c.err("a tree"); err != nil || total == 0 {
		return err
	}
	if depth > maxLevels || t.record == 0 || t.nodeSize > f.size || t.nodeSize < 10+t.record {
		return fmt.Errorf("%w: a tree of %d levels, nodes of %d and records of %d bytes", ErrFormat, depth, t.nodeSize, t.record)
	}
	if err := t.measure(depth); err != nil {
		return err
	}
	read := uint64(0)
	t.visit = func(record *cursor) error {
		read++
		return visit(record)
	}
	if err := t.node(root, count, depth); err != nil {
		return err
	}
	if read != total {
		return fmt.Errorf("%w: a tree with %d records of %d", ErrFormat, read, total)
	}
	return nil
}

// overhead is the bytes of a node that are not records: its name, version, kind, checksum.
const overhead = 10

func (t *newTree) measure(depth int) error {
	most := (t.nodeSize - overhead) / t.record
	t.levels = []treeLevel{{most: most, below: most, mostWidth: width(most)}}
	for i := 1; i <= depth; i++ {
		last := t.levels[i-1]
		pointer := uint64(t.file.offsetSize + t.levels[0].mostWidth + last.belowWidth)
		if t.nodeSize < overhead+pointer+t.record+pointer || last.below > 1<<48 {
			return fmt.Errorf("%w: nodes of %d bytes in a tree of %d levels", ErrFormat, t.nodeSize, depth)
		}
		most := (t.nodeSize - overhead - pointer) / (t.record + pointer)
		below := (most+1)*last.below + most
		t.levels = append(t.levels, treeLevel{most, below, width(most), width(below)})
	}
	return nil
}

// width is the bytes that a number up to most takes.
func width(most uint64) int {
	n := 1
	for most >>= 8; most > 0; most >>= 8 {
		n++
	}
	return n
}

// node visits the records of a node and of those below it.
func (t *newTree) node(address, count uint64, level int) error {
	if t.seen[address] || count > t.levels[level].most {
		return fmt.Errorf("%w: a tree's node of %d records that is too full or there twice", ErrFormat, count)
	}
	t.seen[address] = true
	pointer, name := 0, "BTLF"
	if level > 0 {
		name = "BTIN"
		pointer = t.file.offsetSize + t.levels[0].mostWidth + t.levels[level-1].belowWidth
	}
	size := overhead + count*t.record + uint64(pointer)*(count+1)
	c, err := t.file.block(address, size, name)
	if err != nil {
		return err
	}
	if version, kind := c.byte(), c.byte(); version != 0 || kind != t.kind {
		return fmt.Errorf("%w: a tree's node of version %d and kind %d", ErrFormat, version, kind)
	}
	if err := c.endChecksum(); err != nil {
		return err
	}
	records := cursor{data: c.take(int(count * t.record)), file: t.file}
	for i := uint64(0); i <= count; i++ {
		if level > 0 {
			child, inChild := c.address(), c.number(t.levels[0].mostWidth)
			c.skip(t.levels[level-1].belowWidth)
			if err := t.node(child, inChild, level-1); err != nil {
				return err
			}
		}
		if i < count {
			record := cursor{data: records.take(int(t.record)), file: t.file}
			if err := t.visit(&record); err != nil {
				return err
			}
		}
	}
	return nil
}
