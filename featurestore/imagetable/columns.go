package imagetable

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
)

// columns are the leaves of a table of images, -1 for one that is missing.
type columns struct {
	bytes, path, label int
	// classes are the names of integer labels, if there are any. numbered says that labels are Hugging Face's integers.
	classes  []string
	numbered bool
	// labelFault says why there is no label, though there is a column that looks like one; "" for none.
	labelFault string
}

// Names of columns, in order of preference.
var (
	imageNames = []string{"image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "bytes", "content", "data"}
	pathNames  = []string{"path", "file_name", "filename", "__key__", "key"}
)

// leaf is a column of single values with its place in the schema.
type leaf struct {
	*schema.Column
	index int
	// field is the name of the column, part that of its field, "" if it has none.
	field, part string
}

func findColumns(m *metadata.FileMetaData) (columns, error) {
	found := columns{bytes: -1, path: -1, label: -1}
	var leaves []leaf
	var lists []string
	for i := range m.Schema.NumColumns() {
		column := m.Schema.Column(i)
		names := column.ColumnPath()
		if column.MaxRepetitionLevel() > 0 && len(names) > 0 {
			lists = append(lists, names[0])
		}
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
	image, err := imageLeaf(leaves, hints)
	if err != nil {
		return found, err
	}
	found.bytes = image.index
	if at := slices.IndexFunc(leaves, func(l leaf) bool {
		return image.part != "" && l.field == image.field && l.part == "path" && l.isBinary()
	}); at >= 0 {
		found.path = leaves[at].index
	} else if l, ok := byName(leaves, pathNames, func(l leaf) bool { return l.part == "" && l.isText() }); ok {
		found.path = l.index
	}
	found.findLabel(leaves, lists, hints)
	return found, nil
}

// checkCompression finds columns that Arrow cannot decompress.
func (c columns) checkCompression(m *metadata.FileMetaData) error {
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
				return fmt.Errorf("columns compressed with %s are %w: write the file with zstd or snappy", chunk.Compression(), errCompression)
			}
		}
	}
	return nil
}

// imageLeaf is the column of the images: one that Hugging Face's metadata calls images, or else a
// struct with bytes, or else a column of bytes.
func imageLeaf(leaves []leaf, hints map[string]huggingFaceFeature) (leaf, error) {
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
		if l, ok := byName(leaves, imageNames, kind); ok {
			return l, nil
		}
		if len(names) > 1 {
			return leaf{}, fmt.Errorf("%w: %s hold bytes, and nothing tells which are the images: name that column image", ErrNoImages, strings.Join(names, ", "))
		}
	}
	var names []string
	for _, l := range leaves {
		names = append(names, l.Path())
	}
	return leaf{}, fmt.Errorf("%w: none of its columns holds bytes, as itself or as a struct's field bytes: it has %s", ErrNoImages, cmp.Or(strings.Join(names, ", "), "only lists"))
}

// byName finds the leaf of a kind whose name comes first among names.
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

// huggingFaceFeature is what the metadata of a Hugging Face dataset says about a column.
type huggingFaceFeature struct {
	Type  string   `json:"_type"`
	Names []string `json:"names"`
}

// huggingFace reads that metadata. It is only a hint, so damaged parts are ignored.
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
