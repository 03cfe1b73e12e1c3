package weights

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Protocol buffers have no magic number. Which message a file holds shows in the numbers and types
// of its fields, so that only the beginnings of the fields have to be read.

// outline counts a message's fields, by number, separately for numbers and for bytes.
type outline struct {
	numbers, bytes map[protowire.Number]int
	// first is where the content of each kind's first field of bytes begins.
	first map[protowire.Number]int64
	// truncated: the last field extends beyond the end of the file.
	truncated bool
}

const (
	// maxOutline bounds the fields that are examined.
	maxOutline = 1 << 14
	// fieldHeadBytes is enough for a tag and a length.
	fieldHeadBytes = 20
)

var errNoMessage = errors.New("no protocol buffer")

// outlineOf reads the fields' heads of size bytes from at.
func outlineOf(c content, at, size int64) (outline, error) {
	o := outline{map[protowire.Number]int{}, map[protowire.Number]int{}, map[protowire.Number]int64{}, false}
	end := at + size
	buffer := make([]byte, fieldHeadBytes)
	for n := 0; at < end && n < maxOutline; n++ {
		head := buffer[:min(fieldHeadBytes, end-at)]
		if _, err := c.ReadAt(head, at); err != nil {
			return o, err
		}
		number, kind, m := protowire.ConsumeTag(head)
		if m < 0 {
			return o, errNoMessage
		}
		switch kind {
		case protowire.BytesType:
			length, k := protowire.ConsumeVarint(head[m:])
			if k < 0 || length > 1<<40 {
				return o, errNoMessage
			}
			at += int64(m + k)
			if o.bytes[number]++; o.bytes[number] == 1 {
				o.first[number] = at
			}
			at += int64(length)
		case protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type:
			k := protowire.ConsumeFieldValue(number, kind, head[m:])
			if k < 0 {
				return o, errNoMessage
			}
			o.numbers[number]++
			at += int64(m + k)
		default:
			return o, errNoMessage
		}
	}
	o.truncated = at > end
	return o, nil
}

// identifyProto distinguishes the messages that hold networks; nil without an error is none of
// them.
func identifyProto(c content) (reader, error) {
	o, err := outlineOf(c, 0, c.size)
	if errors.Is(err, errNoMessage) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.numbers[1] == 1 && o.bytes[7] == 1 && o.bytes[1] == 0:
		return o.whole(readONNX, "an ONNX model")
	case o.numbers[1] == 1 && o.coreML():
		return nil, fmt.Errorf("%w: it is a Core ML model: give the model that it was converted from", ErrFormat)
	case o.numbers[1] == 1 && o.bytes[2] > 0 && len(o.bytes) == 1:
		return nil, fmt.Errorf("%w: it is the graph of a TensorFlow SavedModel, without its variables: use the whole directory as a model (--model DIR)", ErrFormat)
	case o.bytes[100] > 0, o.bytes[2] > 0 && o.caffeLayer(c):
		return o.whole(readCaffe, "a .caffemodel")
	case o.bytes[1] == 1 && o.bytes[2] == 1 && len(o.numbers) == 0 && (o.bytes[3] == 1 || o.bytes[4] > 0):
		return nil, fmt.Errorf("%w: it is the graph of a TensorFlow checkpoint (.meta), without its variables: give the checkpoint (.index, or the name without an ending)", ErrFormat)
	case o.bytes[1] > 1 && o.numbers[1] == 0 && o.graphNode(c):
		return nil, fmt.Errorf("%w: it is a frozen TensorFlow graph (GraphDef): give the checkpoint or the SavedModel that it was made from", ErrFormat)
	case o.numbers[2] == 1 && o.numbers[3] == 1 && o.numbers[4] == 1 && o.bytes[5] > 0:
		return nil, fmt.Errorf("%w: it is one array of Caffe (.binaryproto, such as a mean of images): give the .caffemodel with the weights", ErrFormat)
	}
	return nil, nil
}

// whole is the reader of a message if the message is complete.
func (o outline) whole(read reader, what string) (reader, error) {
	if o.truncated {
		return nil, fmt.Errorf("%w: it is %s, but truncated: was its download interrupted?", ErrFormat, what)
	}
	return read, nil
}

// coreML looks for the model types of Core ML, whose field numbers begin at 200.
func (o outline) coreML() bool {
	for number := range o.bytes {
		if number >= 200 {
			return true
		}
	}
	return false
}

// caffeLayer checks the first field 2 for a V1LayerParameter: a name or a type, and inputs and
// outputs.
func (o outline) caffeLayer(c content) bool {
	at := o.first[2]
	inner, err := outlineOf(c, at, min(c.size-at, headBytes))
	return (err == nil || len(inner.bytes) > 0) && inner.numbers[5] > 0 && inner.bytes[4] > 0 && inner.bytes[1] == 0
}

// graphNode checks the first field 1 for a NodeDef, which has a name and an operation.
func (o outline) graphNode(c content) bool {
	at := o.first[1]
	inner, err := outlineOf(c, at, min(c.size-at, headBytes))
	return (err == nil || len(inner.bytes) > 0) && inner.bytes[1] > 0 && inner.bytes[2] > 0
}
