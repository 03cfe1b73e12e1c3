package hdf5

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
)

// link is a group's name for an object, or for a place where one may be.
type link struct {
	name    string
	address uint64
	soft    bool // a path in this file or another one
}

// maxDepth bounds how deeply groups lie in one another.
const maxDepth = 64

// Walk calls visit for each array in the file and for each link that is a mere path, whose
// dataset is nil, in the order of their paths, which begin with a slash.
func (f *File) Walk(visit func(path string, d *Dataset) error) error {
	return f.walk("", f.root, map[uint64]bool{}, visit)
}

func (f *File) walk(path string, address uint64, above map[uint64]bool, visit func(string, *Dataset) error) error {
	if above[address] || len(above) >= maxDepth {
		return fmt.Errorf("%w: group %s/ lies in itself", ErrFormat, path)
	}
	above[address] = true
	defer delete(above, address)
	h, err := f.header(address)
	if err != nil {
		return fmt.Errorf("group %s/: %w", path, err)
	}
	defer f.drop(h)
	links, held, err := f.links(h)
	defer func() { f.release(held) }()
	if err != nil {
		return fmt.Errorf("group %s/: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := f.visit(path+"/"+name, links[name], above, visit); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) visit(path string, l link, above map[uint64]bool, visit func(string, *Dataset) error) error {
	// Groups may have parts in common, which are visited again under each path.
	if err := f.reserve(objectBytes+2*uint64(len(path)), "the list of its objects"); err != nil {
		return err
	}
	if l.soft {
		return visit(path, nil)
	}
	h, err := f.header(l.address)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.drop(h)
	switch {
	case h.has(messageLayout):
		d, err := f.dataset(h)
		if err != nil {
			return fmt.Errorf("dataset %s: %w", path, err)
		}
		return visit(path, d)
	case h.has(messageDatatype):
		return nil // a type by itself
	}
	return f.walk(path, l.address, above, visit)
}

// links are what a group holds, by name: in a table of symbols, in the group's header, or
// in a heap.
func (f *File) links(h header) (links map[string]link, held uint64, err error) {
	links = map[string]link{}
	add := func(l link, err error) error {
		if err == nil {
			err = f.reserve(linkBytes+uint64(len(l.name)), "the links of a group")
		}
		if err != nil {
			return err
		}
		held += linkBytes + uint64(len(l.name))
		if _, twice := links[l.name]; twice || l.name == "" {
			return fmt.Errorf("%w: two objects by the name %q", ErrFormat, l.name)
		}
		links[l.name] = l
		return nil
	}
	if table, ok, err := f.one(h, messageSymbolTable); err != nil {
		return nil, held, err
	} else if ok {
		err = f.symbols(table, add)
		return links, held, err
	}
	for _, m := range h.all(messageLink) {
		if err := add(f.link(m.data)); err != nil {
			return nil, held, err
		}
	}
	info, ok, err := f.one(h, messageLinkInfo)
	if err == nil && ok {
		err = f.denseLinks(info, add)
	}
	return links, held, err
}

// denseLinks reads the links in a heap, to which a message leads.
func (f *File) denseLinks(info []byte, add func(link, error) error) error {
	c := cursor{data: info, file: f}
	if version := c.byte(); version != 0 {
		return fmt.Errorf("%w: link info of version %d", ErrUnsupported, version)
	}
	if flags := c.byte(); flags&1 != 0 {
		c.skip(8)
	}
	heap, index := c.address(), c.address()
	if err := c.err("link info"); err != nil || heap == f.undefined {
		return err
	}
	return f.dense(heap, index, indexLinkName, 4, func(data []byte, _ byte) error { return add(f.link(data)) })
}

// link reads one link's message.
func (f *File) link(data []byte) (link, error) {
	c := cursor{data: data, file: f}
	if version := c.byte(); version != 1 {
		return link{}, fmt.Errorf("%w: a link of version %d", ErrUnsupported, version)
	}
	flags, kind := c.byte(), byte(0)
	if flags&0x08 != 0 {
		kind = c.byte()
	}
	if flags&0x04 != 0 {
		c.skip(8)
	}
	if flags&0x10 != 0 {
		c.skip(1)
	}
	length := c.number(1 << (flags & 3))
	if length > uint64(c.left()) {
		return link{}, fmt.Errorf("%w: a name of %d bytes", ErrFormat, length)
	}
	l := link{name: string(c.take(int(length))), soft: kind != 0}
	if !l.soft {
		l.address = c.address()
	}
	return l, c.err("a link")
}

// symbols reads the group of old: a B-tree of nodes, whose names lie in a heap.
func (f *File) symbols(table []byte, add func(link, error) error) error {
	c := cursor{data: table, file: f}
	tree, heap := c.address(), c.address()
	if err := c.err("a symbol table"); err != nil {
		return err
	}
	names, err := f.localHeap(heap)
	if err != nil {
		return err
	}
	return f.oldTree(tree, 0, f.lengthSize, func(_ *cursor, child uint64) error {
		return f.symbolNode(child, names, add)
	})
}

func (f *File) localHeap(address uint64) ([]byte, error) {
	c, err := f.block(address, uint64(8+2*f.lengthSize+f.offsetSize), "HEAP")
	if err != nil {
		return nil, err
	}
	if version := c.byte(); version != 0 {
		return nil, fmt.Errorf("%w: a heap of version %d", ErrUnsupported, version)
	}
	c.skip(3)
	size := c.length()
	c.skip(f.lengthSize)
	return f.at(c.address(), size)
}

func (f *File) symbolNode(address uint64, names []byte, add func(link, error) error) error {
	c, err := f.block(address, 8, "SNOD")
	if err != nil {
		return err
	}
	if version := c.byte(); version != 1 {
		return fmt.Errorf("%w: symbols of version %d", ErrUnsupported, version)
	}
	c.skip(1)
	count, entry := uint64(c.uint16()), uint64(2*f.offsetSize+24)
	data, err := f.at(address+8, count*entry)
	if err != nil {
		return err
	}
	for entries := (cursor{data: data, file: f}); entries.left() > 0; {
		name, object := entries.address(), entries.address()
		cached := entries.uint32()
		entries.skip(20)
		if name >= uint64(len(names)) {
			return fmt.Errorf("%w: a name at %d in a heap of %d bytes", ErrFormat, name, len(names))
		}
		text, _, ended := bytes.Cut(names[name:], []byte{0})
		if !ended {
			return fmt.Errorf("%w: a name without an end", ErrFormat)
		}
		if err := add(link{name: string(text), address: object, soft: cached == 2}, nil); err != nil {
			return err
		}
	}
	return nil
}
