package servable

import (
	tensorpb "github.com/galeone/tensorflow/tensorflow/go/core/framework/tensor_go_proto"
	typespb "github.com/galeone/tensorflow/tensorflow/go/core/framework/types_go_proto"
)

// TensorFlow has no operation that reads EXIF, but the orientation in it is simple enough for vector
// arithmetic: the block is found by its first bytes, and all entries of its first directory are
// compared at once.
const (
	// exifWithin is the number of bytes searched at the beginning of a file. EXIF comes before the
	// image data, in a segment of at most 64 KiB.
	exifWithin = 1 << 17
	// exifHead begins an EXIF segment, before its TIFF structure: a marker, a length, and a name.
	exifHead = "\xff\xe1..Exif\x00\x00"
	// directoryEntries is the number of entries compared. Cameras write a dozen.
	directoryEntries = 128
	tagOrientation   = 0x0112
)

// wholeKinds are the bytes of TIFF's kinds of whole numbers; of all other kinds, and of those from the last on, 0.
var wholeKinds = [...]int{1: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 14: 0}

// orientation is how a JPEG's image has to be turned according to its EXIF block, an int32 scalar
// from 1, upright, to 8. Without a block, or with a damaged one, it is 1.
func (n *nodes) orientation(file string) string {
	begin := n.add("Substr", "", []string{file, n.whole(0), n.whole(exifWithin)}, attributes{"T": typeOf(int32Type)})
	// Zeros at the end let every position be compared with a whole head.
	padded := n.add("StringJoin", "", []string{begin, n.bytes(string(make([]byte, len(exifHead))))}, attributes{"N": integer(2)})
	data := n.add("DecodeRaw", "", []string{padded}, attributes{"out_type": typeOf(uint8Type)})
	length := n.element(int32Type, n.size(uint8Type, data), n.whole(0))
	head, found := n.exif(data, length)
	x := n.exifReader(data, length, head)
	directory := x.long(x.whole(4)) // the offset of the first one
	value, named := x.orientation(directory)
	found = n.both(found, n.binary("Less", int32Type, n.whole(0), directory)) // an offset of 2 GB or more is negative
	valid := n.both(n.both(found, named), n.both(n.binary("Less", int32Type, n.whole(0), value), n.binary("Less", int32Type, value, n.whole(9))))
	return n.choose(int32Type, valid, value, n.whole(1))
}

// exif finds the position of the EXIF segment, and says whether there is one.
func (n *nodes) exif(data, length string) (head, found string) {
	positions := n.binary("Sub", int32Type, length, n.whole(len(exifHead)))
	var isHead string
	for i, c := range []byte(exifHead) {
		if c == '.' {
			continue
		}
		at := n.add("Slice", "", []string{data, n.wholes(i), n.pack(int32Type, positions)}, attributes{"T": typeOf(uint8Type), "Index": typeOf(int32Type)})
		is := n.binary("Equal", uint8Type, at, n.octet(c))
		if isHead == "" {
			isHead = is
		} else {
			isHead = n.both(isHead, is)
		}
	}
	return n.first(isHead)
}

// exifReader reads numbers, int32, at offsets in the TIFF structure of an EXIF segment.
type exifReader struct {
	*nodes
	data, start, last, littleEndian string
}

func (n *nodes) exifReader(data, length, head string) exifReader {
	x := exifReader{nodes: n, data: data}
	x.last = n.binary("Sub", int32Type, length, n.whole(1))
	x.start = n.binary("AddV2", int32Type, head, n.whole(len(exifHead)))
	x.littleEndian = n.binary("Equal", int32Type, x.at(n.whole(0)), n.whole('I'))
	return x
}

// at gives bytes. Offsets outside the data give other bytes.
func (x exifReader) at(offsets string) string {
	index := x.binary("Minimum", int32Type, x.binary("Maximum", int32Type, x.binary("AddV2", int32Type, x.start, offsets), x.whole(0)), x.last)
	return x.cast(uint8Type, int32Type, x.element(uint8Type, x.data, index))
}

// short gives numbers of 16 bits.
func (x exifReader) short(offsets string) string {
	first, second := x.at(offsets), x.at(x.binary("AddV2", int32Type, offsets, x.whole(1)))
	low := x.choose(int32Type, x.littleEndian, first, second)
	high := x.choose(int32Type, x.littleEndian, second, first)
	return x.binary("AddV2", int32Type, x.binary("Mul", int32Type, high, x.whole(1<<8)), low)
}

// long gives numbers of 32 bits. Those of 31 bits and more are negative.
func (x exifReader) long(offsets string) string {
	first, second := x.short(offsets), x.short(x.binary("AddV2", int32Type, offsets, x.whole(2)))
	low := x.choose(int32Type, x.littleEndian, first, second)
	high := x.choose(int32Type, x.littleEndian, second, first)
	return x.binary("AddV2", int32Type, x.binary("Mul", int32Type, high, x.whole(1<<16)), low)
}

// number is the first value of an entry whose kind has so many bytes, which lies in the entry itself.
func (x exifReader) number(entry, size string) string {
	at := x.binary("AddV2", int32Type, entry, x.whole(8))
	short := x.choose(int32Type, x.binary("Equal", int32Type, size, x.whole(2)), x.short(at), x.at(at))
	return x.choose(int32Type, x.binary("Equal", int32Type, size, x.whole(4)), x.long(at), short)
}

// orientation is the value of the directory's entry of that name, if one lies whole within the segment.
func (x exifReader) orientation(directory string) (value, found string) {
	count := x.short(directory)
	numbers := make([]int, directoryEntries)
	for i := range numbers {
		numbers[i] = i
	}
	entries := x.binary("AddV2", int32Type, x.binary("AddV2", int32Type, directory, x.whole(2)), x.binary("Mul", int32Type, x.wholes(numbers...), x.whole(12)))
	isEntry := x.binary("Less", int32Type, x.wholes(numbers...), count)
	isEntry = x.both(isEntry, x.binary("Equal", int32Type, x.short(entries), x.whole(tagOrientation)))
	// The segment's length counts itself and the name.
	segment := x.wholes(2-len(exifHead), 3-len(exifHead))
	bytes := x.at(segment)
	length := x.binary("AddV2", int32Type, x.binary("Mul", int32Type, x.element(int32Type, bytes, x.whole(0)), x.whole(1<<8)), x.element(int32Type, bytes, x.whole(1)))
	end := x.binary("Sub", int32Type, length, x.whole(len(exifHead)-2))
	isEntry = x.both(isEntry, x.binary("Less", int32Type, x.binary("AddV2", int32Type, entries, x.whole(11)), end))
	which, found := x.first(isEntry)
	entry := x.element(int32Type, entries, which)
	kind := x.binary("Minimum", int32Type, x.short(x.binary("AddV2", int32Type, entry, x.whole(2))), x.whole(len(wholeKinds)-1))
	size := x.element(int32Type, x.wholes(wholeKinds[:]...), kind)
	return x.number(entry, size), x.both(found, x.binary("Less", int32Type, x.whole(0), size))
}

// upright turns and mirrors an image, uint8 of shape [height, width, 3], by an orientation of 1 to 8.
func (n *nodes) upright(image, orientation string) string {
	index := n.binary("Sub", int32Type, orientation, n.whole(1))
	// From 5 on, rows become columns. Mirroring follows.
	axes := n.element(int32Type, n.matrix(3,
		0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2,
		1, 0, 2, 1, 0, 2, 1, 0, 2, 1, 0, 2), index)
	turned := n.add("Transpose", "", []string{image, axes}, attributes{"T": typeOf(uint8Type), "Tperm": typeOf(int32Type)})
	mirrors := n.element(int32Type, n.matrix(3,
		0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0,
		0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0), index)
	return n.add("Reverse", "", []string{turned, n.cast(int32Type, boolType, mirrors)}, attributes{"T": typeOf(uint8Type)})
}

// first finds the position of the first true value in a vector, and says whether there is one.
func (n *nodes) first(is string) (position, found string) {
	numbers := n.cast(boolType, int32Type, is)
	position = n.add("ArgMax", "", []string{numbers, n.whole(0)}, attributes{"T": typeOf(int32Type), "Tidx": typeOf(int32Type), "output_type": typeOf(int32Type)})
	return position, n.binary("Equal", int32Type, n.element(int32Type, numbers, position), n.whole(1))
}

func (n *nodes) both(a, b string) string {
	return n.add("LogicalAnd", "", []string{a, b}, nil)
}

// choose is a where the condition holds, and b elsewhere.
func (n *nodes) choose(t typespb.DataType, condition, a, b string) string {
	return n.add("SelectV2", "", []string{condition, a, b}, attributes{"T": typeOf(t)})
}

// octet is a uint8 scalar.
func (n *nodes) octet(v byte) string {
	return n.constant(uint8Type, &tensorpb.TensorProto{TensorShape: shape(), IntVal: []int32{int32(v)}})
}

// matrix is an int32 matrix.
func (n *nodes) matrix(columns int, values ...int) string {
	t := &tensorpb.TensorProto{TensorShape: shape(len(values)/columns, columns)}
	for _, v := range values {
		t.IntVal = append(t.IntVal, int32(v))
	}
	return n.constant(int32Type, t)
}
