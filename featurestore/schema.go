package featurestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"fovea/recipe"
)

// Format is the format of the shards.
type Format string

// The formats. Each is also the extension of its files.
const (
	FormatParquet Format = "parquet"
	FormatArrow   Format = "arrow"
)

// DType is the type of the stored numbers.
type DType string

// The types. Float16 halves the files; Spark does not read it, and DuckDB widens it.
const (
	Float32 DType = "float32"
	Float16 DType = "float16"
)

func (d DType) size() int {
	if d == Float16 {
		return 2
	}
	return 4
}

func (d DType) arrow() arrow.DataType {
	if d == Float16 {
		return arrow.FixedWidthTypes.Float16
	}
	return arrow.PrimitiveTypes.Float32
}

// Info is what a dataset says about itself.
type Info struct {
	// Recipe is how the features were made. Its layers are the vector columns.
	Recipe recipe.Recipe `json:"recipe"`
	// DType is the type of the stored numbers (default Float32).
	DType DType `json:"dtype"`
	// ToolVersion is the version of the program.
	ToolVersion string `json:"tool_version"`
	// Device is what the features were computed on.
	Device string `json:"device"`
}

// The columns before the vectors.
const (
	columnPath = iota
	columnLabel
	columnSplit
	columnSHA256
	columnWidth
	columnHeight
	fixedColumns
)

var fixedFields = []arrow.Field{
	columnPath:   {Name: "path", Type: arrow.BinaryTypes.String},
	columnLabel:  {Name: "label", Type: arrow.BinaryTypes.String, Nullable: true},
	columnSplit:  {Name: "split", Type: arrow.BinaryTypes.String, Nullable: true},
	columnSHA256: {Name: "sha256", Type: arrow.BinaryTypes.String},
	columnWidth:  {Name: "width", Type: arrow.PrimitiveTypes.Int32},
	columnHeight: {Name: "height", Type: arrow.PrimitiveTypes.Int32},
}

// metadataPrefix begins the keys of the metadata.
const metadataPrefix = "features."

// validate finds what would make a schema that cannot be written or read.
func (i Info) validate() error {
	if i.DType != Float32 && i.DType != Float16 {
		return fmt.Errorf("featurestore: unknown type of numbers %q: use float32 or float16", i.DType)
	}
	if len(i.Recipe.Layers) == 0 {
		return errors.New("featurestore: a dataset needs at least one layer")
	}
	names := map[string]bool{}
	for _, f := range fixedFields {
		names[f.Name] = true
	}
	for _, l := range i.Recipe.Layers {
		if l.Name == "" || names[l.Name] {
			return fmt.Errorf("featurestore: a second column would be named %q", l.Name)
		}
		if l.Size() < 1 {
			return fmt.Errorf("featurestore: layer %s has shape %v", l.Name, l.Shape)
		}
		names[l.Name] = true
	}
	return nil
}

// schema makes the schema with vectors of the kind that vector makes.
func (i Info) schema(vector func(size int, element arrow.DataType) arrow.DataType) *arrow.Schema {
	fields := append([]arrow.Field(nil), fixedFields...)
	for _, l := range i.Recipe.Layers {
		fields = append(fields, arrow.Field{Name: l.Name, Type: vector(l.Size(), i.DType.arrow())})
	}
	metadata := i.metadata()
	return arrow.NewSchema(fields, &metadata)
}

// plainLists is the schema that Parquet is written with, fixedLists the one that readers
// see.
func plainLists(_ int, element arrow.DataType) arrow.DataType { return arrow.ListOf(element) }

func fixedLists(size int, element arrow.DataType) arrow.DataType {
	return arrow.FixedSizeListOf(int32(size), element)
}

// metadata is what goes into the footers, in a fixed order.
func (i Info) metadata() arrow.Metadata {
	r := i.Recipe
	encoded, err := json.Marshal(r)
	if err != nil { // strings and ints only: cannot happen
		panic(fmt.Sprintf("featurestore: encode the recipe: %v", err))
	}
	pairs := [][2]string{
		{"recipe", string(encoded)}, {"fingerprint", r.Fingerprint()},
		{"model", r.Model}, {"model_sha256", r.ModelSHA256},
		{"preprocessing", r.Preprocessing}, {"resize", r.Resize}, {"interpolation", r.Interpolation},
		{"input", fmt.Sprintf("%dx%d", r.InputHeight, r.InputWidth)}, {"pool", r.Pool},
		{"precision", r.Precision}, {"library", r.Library}, {"device", i.Device},
		{"dtype", string(i.DType)}, {"tool_version", i.ToolVersion},
	}
	for _, l := range r.Layers {
		dims := make([]string, len(l.Shape))
		for d, n := range l.Shape {
			dims[d] = strconv.Itoa(n)
		}
		pairs = append(pairs,
			[2]string{l.Name + ".shape", strings.Join(dims, "x")},
			[2]string{l.Name + ".layout", l.Layout},
			[2]string{l.Name + ".dtype", string(i.DType)})
	}
	keys, values := make([]string, len(pairs)), make([]string, len(pairs))
	for n, pair := range pairs {
		keys[n], values[n] = metadataPrefix+pair[0], pair[1]
	}
	return arrow.NewMetadata(keys, values)
}

// parseMetadata is the inverse of metadata.
func parseMetadata(get func(key string) (string, bool)) (Info, error) {
	encoded, found := get(metadataPrefix + "recipe")
	if !found {
		return Info{}, fmt.Errorf("%w: its footer has no %srecipe", ErrFormat, metadataPrefix)
	}
	var info Info
	if err := json.Unmarshal([]byte(encoded), &info.Recipe); err != nil {
		return Info{}, fmt.Errorf("%w: the recipe in its footer: %w", ErrFormat, err)
	}
	dtype, _ := get(metadataPrefix + "dtype")
	info.DType = DType(dtype)
	info.ToolVersion, _ = get(metadataPrefix + "tool_version")
	info.Device, _ = get(metadataPrefix + "device")
	if err := info.validate(); err != nil {
		return Info{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return info, nil
}
