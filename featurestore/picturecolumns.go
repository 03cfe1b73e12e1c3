package featurestore

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// pictureColumns are the leaves of a file of pictures, -1 for one that is not there.
type pictureColumns struct {
	bytes, path, label int
	// classes are the names of integer labels, if there are any.
	classes []string
}

// Names of columns, in the order in which they are preferred.
var (
	pictureNames = []string{"image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "bytes", "content", "data"}
	pathNames    = []string{"path", "file_name", "filename", "__key__", "key"}
	labelNames   = []string{"label", "labels", "cls", "class"}
)

// leaf is a column of single values with its place in the schema.
type leaf struct {
	*schema.Column
	index int
	// field is the name of the column, part that of its field, "" if it has none.
	field, part string
}

func findPictureColumns(m *metadata.FileMetaData) (pictureColumns, error) {
	found := pictureColumns{-1, -1, -1, nil}
	var leaves []leaf
	for i := range m.Schema.NumColumns() {
		column := m.Schema.Column(i)
		names := column.ColumnPath()
		if column.MaxRepetitionLevel() > 0 || len(names) < 1 || len(names) > 2 {
			continue // lists, and what is nested deeper
		}
		l := leaf{Column: column, index: i, field: names[0]}
		if len(names) == 2 {
			l.part = names[1]
		}
		leaves = append(leaves, l)
	}
	hints := huggingFace(m)
	picture, err := pictureLeaf(leaves, hints)
	if err != nil {
		return found, err
	}
	found.bytes = picture.index
	if at := slices.IndexFunc(leaves, func(l leaf) bool {
		return picture.part != "" && l.field == picture.field && l.part == "path" && l.isBinary()
	}); at >= 0 {
		found.path = leaves[at].index
	} else if l, ok := byName(leaves, pathNames, func(l leaf) bool { return l.part == "" && l.isText() }); ok {
		found.path = l.index
	}
	if l, ok := byName(leaves, labelNames, leaf.isClass); ok {
		found.label = l.index
		if !l.isBinary() {
			found.classes = hints[l.field].Names
		}
	}
	return found, nil
}

// checkCompression finds what Arrow cannot unpack.
func (c pictureColumns) checkCompression(m *metadata.FileMetaData) error {
	for group := range m.RowGroups {
		for _, leaf := range []int{c.bytes, c.path, c.label} {
			if leaf < 0 {
				continue
			}
			chunk, err := m.RowGroup(group).ColumnChunk(leaf)
			if err != nil {
				return err
			}
			if _, err := compress.GetCodec(chunk.Compression()); err != nil {
				return fmt.Errorf("columns compressed by %s are %w: write the file with zstd or snappy", chunk.Compression(), errCompression)
			}
		}
	}
	return nil
}

// pictureLeaf is the column of the pictures: one that Hugging Face's metadata calls images,
// else a struct with bytes, else a column of bytes.
func pictureLeaf(leaves []leaf, hints map[string]huggingFaceFeature) (leaf, error) {
	isBytes := func(l leaf) bool {
		return l.index >= 0 && l.isBinary() && !l.isText() && (l.part == "" || l.part == "bytes")
	}
	for _, kind := range []func(leaf) bool{
		func(l leaf) bool { return hints[l.field].Type == "Image" && isBytes(l) },
		func(l leaf) bool { return l.part == "bytes" && isBytes(l) },
		func(l leaf) bool { return isBytes(l) },
	} {
		var names []string
		var only leaf
		for _, l := range leaves {
			if kind(l) {
				names, only = append(names, l.field), l
			}
		}
		if len(names) == 1 {
			return only, nil
		}
		if l, ok := byName(leaves, pictureNames, kind); ok {
			return l, nil
		}
		if len(names) > 1 {
			return leaf{}, fmt.Errorf("%w: %s hold bytes, and which are the images is not to be seen: name that column image", ErrNoPictures, strings.Join(names, ", "))
		}
	}
	var names []string
	for _, l := range leaves {
		names = append(names, l.Path())
	}
	return leaf{}, fmt.Errorf("%w: none holds bytes, and no struct has a field bytes, among its columns %s", ErrNoPictures, cmp.Or(strings.Join(names, ", "), "(none but lists)"))
}

// byName is the first of the names that a leaf of the kind has.
func byName(leaves []leaf, names []string, kind func(leaf) bool) (leaf, bool) {
	for _, name := range names {
		for _, l := range leaves {
			if strings.EqualFold(l.field, name) && kind(l) {
				return l, true
			}
		}
	}
	return leaf{}, false
}

func (l leaf) isBinary() bool { return l.PhysicalType() == parquet.Types.ByteArray }

func (l leaf) isText() bool {
	_, text := l.LogicalType().(schema.StringLogicalType)
	return l.isBinary() && (text || l.ConvertedType() == schema.ConvertedTypes.UTF8)
}

// isClass says whether values may be labels: texts, integers or booleans.
func (l leaf) isClass() bool {
	if l.part != "" {
		return false
	}
	switch l.PhysicalType() {
	case parquet.Types.Boolean:
		return true
	case parquet.Types.Int32, parquet.Types.Int64:
		switch l.ConvertedType() {
		case schema.ConvertedTypes.Decimal, schema.ConvertedTypes.Date, schema.ConvertedTypes.TimeMillis, schema.ConvertedTypes.TimeMicros,
			schema.ConvertedTypes.TimestampMillis, schema.ConvertedTypes.TimestampMicros:
			return false
		}
		return true
	}
	return l.isText()
}

// labelOf is the label that a value means. Hugging Face's -1 is none.
func (c pictureColumns) labelOf(value string) string {
	if c.classes != nil {
		number, err := strconv.Atoi(value)
		if err == nil && number == -1 {
			return ""
		}
		if err == nil && number >= 0 && number < len(c.classes) {
			value = c.classes[number]
		}
	}
	if len(value) > maxPictureLabel {
		return ""
	}
	return value
}

// huggingFaceFeature is what the metadata of Hugging Face datasets says of a column.
type huggingFaceFeature struct {
	Type  string   `json:"_type"`
	Names []string `json:"names"`
}

// huggingFace reads that metadata; it is only a hint, so that damaged parts count as none.
func huggingFace(m *metadata.FileMetaData) map[string]huggingFaceFeature {
	text := m.KeyValueMetadata().FindValue("huggingface")
	if text == nil {
		return nil
	}
	var all struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(*text), &all) != nil {
		return nil
	}
	features := map[string]huggingFaceFeature{}
	for name, raw := range all.Info.Features {
		var f huggingFaceFeature
		if json.Unmarshal(raw, &f) == nil {
			features[name] = f
		}
	}
	return features
}
