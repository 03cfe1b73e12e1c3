package hdf5

import "fmt"

// Class is the kind of an array's elements.
type Class int

// The classes of elements. ClassOpaque is bytes whose meaning the file does not give; ClassOther
// stands for everything else that is not a number, and is not read.
const (
	ClassOther Class = iota
	ClassInteger
	ClassFloat
	ClassOpaque
)

// Type is the type of an array's elements.
type Type struct {
	Class Class
	// Size is the number of bytes of an element.
	Size int
	// BigEndian is the byte order in the file. Read returns little-endian elements.
	BigEndian bool
	// Signed tells whether integers are.
	Signed bool
	// Name is the type as NumPy would name it, or what it is in words.
	Name string
}

// The numbers of classes in the file.
const (
	classInteger  = 0
	classFloat    = 1
	classString   = 3
	classOpaque   = 5
	classVariable = 9
)

var classNames = []string{"integer", "float", "time", "string", "bit field", "opaque", "compound", "reference", "enumeration", "variable-length", "array", "complex"}

// layout of the floating-point numbers that are known: sign, exponent, mantissa.
type floatLayout struct {
	size                                      int
	sign, exponent, exponentBits, mantissaLen byte
	bias                                      uint32
}

var floats = map[floatLayout]string{
	{2, 15, 10, 5, 10, 15}:    "float16",
	{2, 15, 7, 8, 7, 127}:     "bfloat16",
	{4, 31, 23, 8, 23, 127}:   "float32",
	{8, 63, 52, 11, 52, 1023}: "float64",
}

// datatype reads the message of the elements' type.
func (f *File) datatype(data []byte) (Type, error) {
	c := cursor{data: data, file: f}
	head := c.byte()
	class, version := int(head&0xf), head>>4
	bits := uint32(c.number(3))
	size := c.uint32()
	if err := c.err("a datatype"); err != nil {
		return Type{}, err
	}
	if version < 1 || version > 5 {
		return Type{}, fmt.Errorf("%w: a datatype of version %d", ErrUnsupported, version)
	}
	if size == 0 || size > 1<<30 {
		return Type{}, fmt.Errorf("%w: elements of %d bytes", ErrFormat, size)
	}
	t := Type{Size: int(size), Name: fmt.Sprintf("of class %d", class)}
	if class < len(classNames) {
		t.Name = classNames[class]
	}
	var err error
	switch class {
	case classInteger:
		err = c.integer(&t, bits)
	case classFloat:
		err = c.float(&t, bits)
	case classOpaque:
		t.Class = ClassOpaque
	}
	return t, err
}

func (c *cursor) integer(t *Type, bits uint32) error {
	offset, precision := c.uint16(), c.uint16()
	if err := c.err("a datatype"); err != nil {
		return err
	}
	if offset != 0 || int(precision) != 8*t.Size || t.Size > 8 || t.Size&(t.Size-1) != 0 {
		t.Name = fmt.Sprintf("integer of %d bits in %d bytes", precision, t.Size)
		return nil // no array of weights, so nothing that must be read
	}
	t.Class, t.BigEndian, t.Signed = ClassInteger, bits&1 != 0, bits&8 != 0
	t.Name = fmt.Sprintf("uint%d", precision)
	if t.Signed {
		t.Name = t.Name[1:]
	}
	return nil
}

func (c *cursor) float(t *Type, bits uint32) error {
	offset, precision := c.uint16(), c.uint16()
	l := floatLayout{size: t.Size, sign: byte(bits >> 8)}
	l.exponent, l.exponentBits = c.byte(), c.byte()
	mantissa := c.byte()
	l.mantissaLen, l.bias = c.byte(), c.uint32()
	if err := c.err("a datatype"); err != nil {
		return err
	}
	name, known := floats[l]
	implied := bits>>4&3 == 2
	if !known || offset != 0 || mantissa != 0 || int(precision) != 8*t.Size || !implied || bits&0x40 != 0 {
		return fmt.Errorf("%w: floating-point numbers of %d bits in %d bytes, exponent of %d bits, mantissa of %d bits", ErrUnsupported, precision, t.Size, l.exponentBits, l.mantissaLen)
	}
	t.Class, t.BigEndian, t.Signed, t.Name = ClassFloat, bits&1 != 0, true, name
	return nil
}

// maxRank is the largest number of dimensions that HDF5 knows.
const maxRank = 32

// space is the extent of an array: how many elements along each dimension, and how many
// there may ever be.
type space struct {
	shape, most []uint64
	null        bool
}

const unlimited = 1<<64 - 1

func (f *File) dataspace(data []byte) (space, error) {
	c := cursor{data: data, file: f}
	version, rank, flags := c.byte(), int(c.byte()), c.byte()
	var s space
	switch version {
	case 1:
		c.skip(5)
	case 2:
		s.null = c.byte() == 2
	default:
		return s, fmt.Errorf("%w: a dataspace of version %d", ErrUnsupported, version)
	}
	if rank > maxRank {
		return s, fmt.Errorf("%w: %d dimensions", ErrFormat, rank)
	}
	s.shape, s.most = make([]uint64, rank), make([]uint64, rank)
	for i := range s.shape {
		s.shape[i] = c.length()
		s.most[i] = s.shape[i]
	}
	if flags&1 != 0 {
		for i := range s.most {
			if s.most[i] = c.length(); s.most[i] == 1<<(8*f.lengthSize-1)<<1-1 {
				s.most[i] = unlimited
			}
			if s.most[i] < s.shape[i] {
				return s, fmt.Errorf("%w: %d elements where at most %d may be", ErrFormat, s.shape[i], s.most[i])
			}
		}
	}
	return s, c.err("a dataspace")
}

// elements multiplies the dimensions.
func (s space) elements() (uint64, error) {
	if s.null {
		return 0, nil
	}
	return product(s.shape)
}

// product multiplies, and refuses what no file can hold.
func product(numbers []uint64) (uint64, error) {
	n := uint64(1)
	for _, d := range numbers {
		if d != 0 && n > 1<<48/d {
			return 0, fmt.Errorf("%w: dimensions %v are too large", ErrFormat, numbers)
		}
		n *= d
	}
	return n, nil
}
