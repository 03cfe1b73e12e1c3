package hdf5

import (
	"bytes"
	"fmt"
)

// Text is the text of an attribute of the file's root group, and whether there is one.
func (f *File) Text(name string) (string, bool, error) {
	h, err := f.header(f.root)
	if err != nil {
		return "", false, err
	}
	defer f.drop(h)
	return f.text(h, name)
}

// text finds an attribute among an object's, in its header or in a heap, and reads it.
func (f *File) text(h header, name string) (text string, found bool, err error) {
	visit := func(data []byte, flags byte) error {
		if flags&flagShared != 0 {
			return fmt.Errorf("%w: a shared attribute", ErrUnsupported)
		}
		attribute, err := f.attribute(data)
		if err != nil || attribute.name != name || found {
			return err
		}
		found = true
		if text, err = f.attributeText(attribute); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		return nil
	}
	for _, m := range h.all(messageAttribute) {
		if err := visit(m.data, m.flags); err != nil {
			return "", false, err
		}
	}
	info, ok, err := f.one(h, messageAttributes)
	if err != nil || !ok {
		return text, found, err
	}
	c := cursor{data: info, file: f}
	if version := c.byte(); version != 0 {
		return "", false, fmt.Errorf("%w: attribute info of version %d", ErrUnsupported, version)
	}
	if flags := c.byte(); flags&1 != 0 {
		c.skip(2)
	}
	heap, index := c.address(), c.address()
	if err := c.err("attribute info"); err != nil || heap == f.undefined {
		return text, found, err
	}
	err = f.dense(heap, index, indexAttributeName, 0, visit)
	return text, found, err
}

type attribute struct {
	name        string
	kind, space []byte
	shared      byte // whether the type or the space is
	value       []byte
}

func (f *File) attribute(data []byte) (attribute, error) {
	c := cursor{data: data, file: f}
	version, flags := c.byte(), c.byte()
	if version < 1 || version > 3 {
		return attribute{}, fmt.Errorf("%w: an attribute of version %d", ErrUnsupported, version)
	}
	sizes := [3]int{int(c.uint16()), int(c.uint16()), int(c.uint16())}
	if version == 3 {
		c.skip(1)
	}
	var parts [3][]byte
	for i, size := range sizes {
		parts[i] = c.take(size)
		if version == 1 {
			c.skip(-size & 7)
		}
	}
	if err := c.err("an attribute"); err != nil {
		return attribute{}, err
	}
	name, _, _ := bytes.Cut(parts[0], []byte{0})
	a := attribute{name: string(name), kind: parts[1], space: parts[2], value: c.data[c.at:]}
	if version > 1 {
		a.shared = flags & 3
	}
	return a, nil
}

// attributeText reads a text of fixed or variable length.
func (f *File) attributeText(a attribute) (string, error) {
	if a.shared != 0 {
		return "", fmt.Errorf("%w: its type is shared", ErrUnsupported)
	}
	space, err := f.dataspace(a.space)
	if err != nil {
		return "", err
	}
	if n, err := space.elements(); err != nil || n != 1 {
		return "", fmt.Errorf("%w: %d texts in one attribute (%v)", ErrUnsupported, n, err)
	}
	c := cursor{data: a.kind, file: f}
	class, bits, size := c.byte()&0xf, c.number(3), int(c.uint32())
	value := cursor{data: a.value, file: f}
	switch {
	case class == classString && size >= 0:
		text := value.take(size)
		if bits&0xf != 2 { // ended or filled by zeros, not by spaces
			text, _, _ = bytes.Cut(text, []byte{0})
		}
		return string(text), value.err("a text")
	case class == classVariable && bits&0xf == 1:
		length := value.uint32()
		address, number := value.address(), value.uint32()
		if err := value.err("a text"); err != nil || length == 0 {
			return "", err
		}
		text, err := f.globalObject(address, number)
		if err != nil {
			return "", err
		}
		if uint64(length) > uint64(len(text)) {
			return "", fmt.Errorf("%w: a text of %d bytes in %d", ErrFormat, length, len(text))
		}
		text, _, _ = bytes.Cut(text[:length], []byte{0})
		return string(text), nil
	}
	return "", fmt.Errorf("%w: it is no text", ErrUnsupported)
}
