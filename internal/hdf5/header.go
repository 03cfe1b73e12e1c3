package hdf5

import "fmt"

// The messages of object headers that are read here.
const (
	messageDataspace    = 0x01
	messageLinkInfo     = 0x02
	messageDatatype     = 0x03
	messageOldFill      = 0x04
	messageFill         = 0x05
	messageLink         = 0x06
	messageExternal     = 0x07
	messageLayout       = 0x08
	messageFilters      = 0x0b
	messageAttribute    = 0x0c
	messageContinuation = 0x10
	messageSymbolTable  = 0x11
	messageAttributes   = 0x15
)

const (
	flagShared = 0x02
	// A writer marks in this way what a reader must not ignore.
	flagFailIfUnknown = 0x80
)

// maxMessages and maxContinuations bound the header of one object.
const (
	maxMessages      = 1 << 16
	maxContinuations = 1 << 12
)

type message struct {
	kind  uint16
	flags byte
	data  []byte
}

// header is the messages that describe an object.
type header struct {
	messages []message
	// held is what they take in memory; see File.drop.
	held uint64
}

// hold charges a further part of a header.
func (f *File) hold(h *header, n uint64) error {
	const perMessage = 8 // a message takes 40 bytes of memory and 4 of the file
	if n > f.size {
		return fmt.Errorf("%w: a part of %d bytes", ErrFormat, n)
	}
	if err := f.reserve(n*perMessage, "an object's header"); err != nil {
		return err
	}
	h.held += n * perMessage
	return nil
}

// drop gives back the memory of a header.
func (f *File) drop(h header) { f.release(h.held) }

// all are the messages of one kind.
func (h header) all(kind uint16) []message {
	var found []message
	for _, m := range h.messages {
		if m.kind == kind {
			found = append(found, m)
		}
	}
	return found
}

func (h header) has(kind uint16) bool { return len(h.all(kind)) > 0 }

// one is the only message of a kind, with what it shares with other objects put in.
func (f *File) one(h header, kind uint16) ([]byte, bool, error) {
	found := h.all(kind)
	switch {
	case len(found) == 0:
		return nil, false, nil
	case len(found) > 1:
		return nil, false, fmt.Errorf("%w: %d messages of kind %#x", ErrFormat, len(found), kind)
	case found[0].flags&flagShared == 0:
		return found[0].data, true, nil
	}
	data, err := f.shared(found[0].data, kind)
	return data, true, err
}

// shared finds a message in the header of the object that it was committed as.
func (f *File) shared(data []byte, kind uint16) ([]byte, error) {
	c := cursor{data: data, file: f}
	version, where := c.byte(), c.byte()
	switch {
	case version == 2, version == 3 && where == 2:
	case version == 3:
		return nil, fmt.Errorf("%w: messages in a heap that objects share", ErrUnsupported)
	default:
		return nil, fmt.Errorf("%w: a shared message of version %d", ErrUnsupported, version)
	}
	address := c.address()
	if err := c.err("a shared message"); err != nil {
		return nil, err
	}
	other, err := f.header(address)
	if err != nil {
		return nil, err
	}
	defer f.drop(other)
	for _, m := range other.all(kind) {
		if m.flags&flagShared == 0 {
			return m.data, nil
		}
	}
	return nil, fmt.Errorf("%w: the object at %#x has no message of kind %#x", ErrFormat, address, kind)
}

// header reads an object's header, of the old or the new kind.
func (f *File) header(address uint64) (header, error) {
	head, err := f.at(address, 4)
	if err != nil {
		return header{}, fmt.Errorf("object header: %w", err)
	}
	read := f.oldHeader
	if string(head) == "OHDR" {
		read = f.newHeader
	}
	h, err := read(address)
	if err != nil {
		f.drop(h)
		return header{}, fmt.Errorf("object header at %#x: %w", address, err)
	}
	return h, nil
}

// continuation is a further part of a header.
type continuation struct{ address, length uint64 }

func (f *File) oldHeader(address uint64) (header, error) {
	head, err := f.at(address, 16)
	if err != nil {
		return header{}, err
	}
	c := cursor{data: head, file: f}
	if version := c.byte(); version != 1 {
		return header{}, fmt.Errorf("%w: version %d", ErrFormat, version)
	}
	c.skip(7)
	var h header
	parts := []continuation{{address + 16, uint64(c.uint32())}}
	for i := 0; i < len(parts); i++ {
		if err := f.hold(&h, parts[i].length); err != nil {
			return h, err
		}
		data, err := f.at(parts[i].address, parts[i].length)
		if err != nil {
			return h, err
		}
		c := cursor{data: data, file: f}
		for c.left() >= 8 {
			m := message{kind: c.uint16()}
			size := int(c.uint16())
			m.flags = c.byte()
			c.skip(3)
			m.data = c.take(size)
			if parts, err = f.add(&h, &c, m, parts); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

func (f *File) newHeader(address uint64) (header, error) {
	prefix, size, flags, err := f.newPrefix(address)
	if err != nil {
		return header{}, err
	}
	var h header
	parts := []continuation{{address, prefix + size + 4}}
	shortest := 4 // of a message
	if flags&0x04 != 0 {
		shortest = 6
	}
	for i := 0; i < len(parts); i++ {
		if err := f.hold(&h, parts[i].length); err != nil {
			return h, err
		}
		name := "OCHK"
		if i == 0 {
			name = "OHDR"
		}
		c, err := f.headerBlock(parts[i], name)
		if err != nil {
			return h, err
		}
		if i == 0 {
			c.at = int(prefix)
		}
		for c.left() >= shortest {
			m := message{kind: uint16(c.byte())}
			size := int(c.uint16())
			m.flags = c.byte()
			c.skip(shortest - 4)
			m.data = c.take(size)
			if parts, err = f.add(&h, c, m, parts); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

// headerBlock reads a part of a header and leaves out its checksum.
func (f *File) headerBlock(part continuation, name string) (*cursor, error) {
	if part.length < 8 {
		return nil, fmt.Errorf("%w: a part of %d bytes", ErrFormat, part.length)
	}
	c, err := f.block(part.address, part.length, name)
	if err != nil {
		return nil, err
	}
	if err := c.endChecksum(); err != nil {
		return nil, err
	}
	c.data = c.data[:len(c.data)-4]
	return c, nil
}

// newPrefix reads what comes before the first message: how long it is, how many bytes of
// messages follow, and the flags.
func (f *File) newPrefix(address uint64) (prefix, size uint64, flags byte, err error) {
	place, err := f.place(address)
	if err != nil {
		return 0, 0, 0, err
	}
	c, err := f.block(address, min(34, f.size-place), "OHDR")
	if err != nil {
		return 0, 0, 0, err
	}
	if version := c.byte(); version != 2 {
		return 0, 0, 0, fmt.Errorf("%w: version %d", ErrUnsupported, version)
	}
	flags = c.byte()
	if flags&0x20 != 0 {
		c.skip(16) // times
	}
	if flags&0x10 != 0 {
		c.skip(4) // when attributes become dense
	}
	size = c.number(1 << (flags & 3))
	if size > f.size {
		return 0, 0, 0, fmt.Errorf("%w: messages of %d bytes", ErrFormat, size)
	}
	return uint64(c.at), size, flags, c.err("the prefix")
}

// add puts a message into the header, or what it continues with into the parts.
func (f *File) add(h *header, c *cursor, m message, parts []continuation) ([]continuation, error) {
	if err := c.err("a message"); err != nil {
		return nil, err
	}
	if m.kind == messageContinuation {
		next := cursor{data: m.data, file: f}
		parts = append(parts, continuation{next.address(), next.length()})
		if len(parts) > maxContinuations {
			return nil, fmt.Errorf("%w: it is continued without end", ErrFormat)
		}
		return parts, next.err("a continuation")
	}
	if m.flags&flagFailIfUnknown != 0 && m.kind > messageAttributes+3 {
		return nil, fmt.Errorf("%w: a message of kind %#x", ErrUnsupported, m.kind)
	}
	if h.messages = append(h.messages, m); len(h.messages) > maxMessages {
		return nil, fmt.Errorf("%w: more than %d messages", ErrFormat, maxMessages)
	}
	return parts, nil
}
