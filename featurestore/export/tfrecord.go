package export

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"fovea/featurestore"
)

// tfrecordEncoder writes TensorFlow's TFRecord format: for each record its length, the
// length's checksum, the record, its checksum. A record is a tf.train.Example
// (tensorflow/core/example/example.proto), features in the order of their names.
type tfrecordEncoder struct {
	w       *bufio.Writer
	layer   string
	scratch []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedChecksum is the CRC-32C, rotated and shifted as tensorflow/core/lib/hash/crc32c.h
// does, because checksums of checksums are troublesome.
func maskedChecksum(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

func (e *tfrecordEncoder) begin() error { return nil }

func (e *tfrecordEncoder) row(r *featurestore.Row, vector []float32) error {
	features := e.scratch[:0]
	text := func(name, value string) {
		// TensorFlow's parser takes the default for an absent feature, but fails on an empty one.
		if value != "" {
			features = appendEntry(features, name, message(1, message(1, []byte(featurestore.EscapeText(value)))))
		}
	}
	text("crs", crsOf(r))
	text("group", r.Group)
	features = appendEntry(features, "height", int64Feature(r.Height))
	text("label", r.Label)
	text("path", r.Path)
	text("sha256", r.SHA256)
	text("split", r.Split)
	features = appendEntry(features, "width", int64Feature(r.Width))
	for i, bound := range bounds(r.Georeference) {
		text(boundNames[i], bound)
	}
	features = appendEntry(features, e.layer, floatFeature(vector))
	e.scratch = features
	example := message(1, features) // Example.features

	header := binary.LittleEndian.AppendUint64(nil, uint64(len(example)))
	header = binary.LittleEndian.AppendUint32(header, maskedChecksum(header))
	_, _ = e.w.Write(header)
	_, _ = e.w.Write(example)
	_, err := e.w.Write(binary.LittleEndian.AppendUint32(nil, maskedChecksum(example)))
	return err
}

// message encodes a message as a field of the one around it.
func message(field protowire.Number, content []byte) []byte {
	b := make([]byte, 0, len(content)+16)
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, content)
}

// appendEntry appends an entry of Features.feature, a map of names to features.
func appendEntry(b []byte, name string, feature []byte) []byte {
	entry := protowire.AppendTag(nil, 1, protowire.BytesType)
	entry = protowire.AppendString(entry, name)
	entry = append(entry, message(2, feature)...)
	return append(b, message(1, entry)...)
}

// floatFeature is a Feature with a FloatList, packed.
func floatFeature(values []float32) []byte {
	packed := make([]byte, 0, 4*len(values))
	for _, x := range values {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(x))
	}
	return message(2, message(1, packed))
}

// int64Feature is a Feature with an Int64List of one number.
func int64Feature(x int32) []byte {
	return message(3, message(1, protowire.AppendVarint(nil, uint64(x))))
}
