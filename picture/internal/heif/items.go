package heif

import (
	"encoding/binary"

	"fovea/picture/internal/fault"
)

// item is a part of a collection: an image, a part of one, or a note.
type item struct {
	kind       string
	properties []int // indices of them, from 1
	extents    []extent
	within     bool // its data is in the box idat
}

type extent struct{ offset, length uint64 }

// property is one that items have.
type property struct {
	kind    string
	content []byte
}

// collection is what the box meta says.
type collection struct {
	known      bool // has been read
	primary    uint64
	hasPrimary bool
	items      map[uint64]*item
	order      []uint64 // of the items, as they came up first
	properties []property
	references map[string]map[uint64][]uint64 // by kind, from an item to others
	extents    int                            // of all items
	added      int                            // parts of the image so far, each as often as it is one
	visited    int                            // extents and properties of these
}

func newCollection() *collection {
	return &collection{items: map[uint64]*item{}, references: map[string]map[uint64][]uint64{}}
}

func (c *collection) item(id uint64) *item {
	found := c.items[id]
	if found == nil {
		found = new(item)
		c.items[id] = found
		c.order = append(c.order, id)
	}
	return found
}

// read reads the content of a box meta.
func (c *collection) read(content []byte) error {
	c.known = true
	if len(content) < 4 {
		return fault.Corrupt("the box %q ends too early", "meta")
	}
	return each(content[4:], func(kind string, content []byte) (bool, error) {
		switch kind {
		case "pitm":
			f, version, _ := full(content)
			c.primary, c.hasPrimary = f.number(idBytes(version, 1)), true
			return false, f.check(kind)
		case "iinf":
			return false, c.readInfos(content)
		case "iloc":
			return false, c.readLocations(content)
		case "iref":
			return false, c.readReferences(content)
		case "iprp":
			return false, each(content, func(kind string, content []byte) (bool, error) {
				switch kind {
				case "ipco":
					return false, c.readProperties(content)
				case "ipma":
					return false, c.readAssociations(content)
				}
				return false, nil
			})
		}
		return false, nil
	})
}

// idBytes is the size of an item's number, which is larger from some version of a box on.
func idBytes(version, from int) int {
	if version >= from {
		return 4
	}
	return 2
}

func (c *collection) readInfos(content []byte) error {
	f, version, _ := full(content)
	f.number(idBytes(version, 1)) // how many there are
	if err := f.check("iinf"); err != nil {
		return err
	}
	return each(f.data, func(kind string, content []byte) (bool, error) {
		f, version, _ := full(content)
		if kind != "infe" || version < 2 {
			return false, nil
		}
		id := f.number(idBytes(version, 3))
		f.number(2) // protection
		c.item(id).kind = f.text(4)
		return len(c.items) > mostNumbers, f.check(kind)
	})
}

func (c *collection) readLocations(content []byte) error {
	f, version, _ := full(content)
	sizes := f.number(2)
	offset, length, base, index := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if version == 0 {
		index = 0
	}
	if max(offset, length, base, index) > 8 {
		return fault.Corrupt("numbers of more than 8 bytes in the box %q", "iloc")
	}
	for range f.number(idBytes(version, 2)) {
		i := c.item(f.number(idBytes(version, 2)))
		if version > 0 {
			i.within = f.number(2)&15 == 1
		}
		f.number(2) // of which file
		from := f.number(base)
		i.extents = nil
		for range f.number(2) {
			f.number(index)
			i.extents = append(i.extents, extent{from + f.number(offset), f.number(length)})
			if c.extents++; c.extents > mostNumbers || f.short { // they may take no bytes of the file
				break
			}
		}
		if f.short || c.extents > mostNumbers || len(c.items) > mostNumbers {
			break
		}
	}
	return f.check("iloc")
}

func (c *collection) readReferences(content []byte) error {
	f, version, _ := full(content)
	if err := f.check("iref"); err != nil {
		return err
	}
	size, total := idBytes(version, 1), 0
	return each(f.data, func(kind string, content []byte) (bool, error) {
		f := &fields{data: content}
		from := f.number(size)
		if c.references[kind] == nil {
			c.references[kind] = map[uint64][]uint64{}
		}
		for range f.number(2) {
			c.references[kind][from] = append(c.references[kind][from], f.number(size))
			if total++; total > mostNumbers || f.short {
				break
			}
		}
		return total > mostNumbers, f.check(kind)
	})
}

func (c *collection) readProperties(content []byte) error {
	return each(content, func(kind string, content []byte) (bool, error) {
		c.properties = append(c.properties, property{kind, content})
		return len(c.properties) > mostNumbers, nil
	})
}

func (c *collection) readAssociations(content []byte) error {
	f, version, flags := full(content)
	total := 0
	for range f.number(4) {
		i := c.item(f.number(idBytes(version, 1)))
		for range f.number(1) {
			index := f.number(1) & 0x7f
			if flags&1 != 0 { // two bytes, of which the first bit says whether it is essential
				index = index<<8 | f.number(1)
			}
			i.properties = append(i.properties, int(index))
			total++
		}
		if f.short || total > mostNumbers || len(c.items) > mostNumbers {
			break
		}
	}
	return f.check("ipma")
}

// each visits an item's properties, in their order.
func (c *collection) each(i *item, visit func(property)) {
	for _, index := range i.properties {
		if index >= 1 && index <= len(c.properties) {
			visit(c.properties[index-1])
		}
	}
}

// size is an image's as its property ispe says.
func (c *collection) size(i *item) (width, height uint64, known bool) {
	c.each(i, func(p property) {
		if p.kind == "ispe" && len(p.content) >= 12 {
			width, height = uint64(binary.BigEndian.Uint32(p.content[4:])), uint64(binary.BigEndian.Uint32(p.content[8:]))
			known = true
		}
	})
	return width, height, known
}
