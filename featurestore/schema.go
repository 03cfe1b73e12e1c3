package featurestore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"

	"fovea/recipe"
)

// Keys of the footer metadata.
const (
	keyPrefix      = "features."
	keyRecipe      = keyPrefix + "recipe"
	keyFingerprint = keyPrefix + "fingerprint"
	keyToolVersion = keyPrefix + "tool_version"
	keyExtra       = keyPrefix + "extra_columns"
)

func layerKey(layer, what string) string { return keyPrefix + layer + "." + what }

// footerMetadata describes the vectors, so that each shard is self-describing.
func footerMetadata(info Info) (arrow.Metadata, error) {
	encoded, err := json.Marshal(info.Recipe)
	if err != nil {
		return arrow.Metadata{}, fmt.Errorf("encode the recipe: %w", err)
	}
	r := info.Recipe
	var keys, values []string
	add := func(key, value string) {
		keys, values = append(keys, key), append(values, strings.ToValidUTF8(value, "\uFFFD"))
	}
	add(keyFingerprint, r.Fingerprint())
	if parts := r.Parts(); len(parts) == 1 {
		addRecipe(add, keyPrefix, r)
	} else { // what is said of the file would be wrong of most of its columns
		for _, p := range parts {
			for _, l := range p.Layers {
				addRecipe(add, layerKey(l.Name, ""), p)
			}
		}
	}
	add(keyToolVersion, info.ToolVersion)
	if len(info.Extra) > 0 {
		add(keyExtra, joinExtra(info.Extra))
	}
	for _, l := range r.Layers {
		shape, err := json.Marshal(l.Shape)
		if err != nil {
			return arrow.Metadata{}, fmt.Errorf("encode the shape of %q: %w", l.Name, err)
		}
		add(layerKey(l.Name, "shape"), string(shape))
		add(layerKey(l.Name, "layout"), l.Layout)
		add(layerKey(l.Name, "dtype"), string(info.DType))
		if l.Of != "" {
			add(layerKey(l.Name, "of"), l.Of)
		}
	}
	add(keyRecipe, string(encoded))
	return arrow.NewMetadata(keys, values), nil
}

// addRecipe adds what made the vectors of a file, or of one of its columns.
func addRecipe(add func(key, value string), prefix string, r recipe.Recipe) {
	add(prefix+"model", r.Model)
	add(prefix+"model_sha256", r.ModelSHA256)
	add(prefix+"preprocessing", r.Preprocessing.String())
	add(prefix+"resize", r.Resize)
	add(prefix+"interpolation", r.Interpolation)
	if r.Background != "" {
		add(prefix+"background", r.Background)
	}
	if r.Range != "" {
		add(prefix+"range", r.Range)
	}
	if r.Bands != "" {
		add(prefix+"bands", r.Bands)
	}
	if r.Tiles != "" {
		add(prefix+"tiles", r.Tiles)
	}
	add(prefix+"precision", r.Precision)
	if r.Method != "" {
		add(prefix+"method", r.Method)
	}
	add(prefix+"pool", r.Pool)
	if r.Projection != "" {
		add(prefix+"projection", r.Projection)
	}
	add(prefix+"library", r.Library)
}

func valueType(dtype DType) arrow.DataType {
	if dtype == Float16 {
		return arrow.FixedWidthTypes.Float16
	}
	return arrow.PrimitiveTypes.Float32
}

// elementOf is the element of a layer's lists. No value is ever null, and the type says so: otherwise
// ClickHouse makes the column Array(Nullable(Float32)), which its distance functions reject. Tensors
// are an exception: pyarrow 26 knows the extension type only with nullable elements, and otherwise
// silently reads plain lists.
func elementOf(info Info, l recipe.Layer) arrow.Field {
	return arrow.Field{Name: "item", Type: valueType(info.DType), Nullable: info.optionalElements || info.tensors && isTensor(l)}
}

// isTensor reports whether Options.TensorExtension applies to a layer.
func isTensor(l recipe.Layer) bool { return len(l.Shape) > 1 }

// fixedSchema has true fixed-size lists: what readers should see, and what Arrow files contain.
func fixedSchema(info Info, md arrow.Metadata) *arrow.Schema {
	return makeSchema(info, md, func(l recipe.Layer) arrow.DataType {
		return arrow.FixedSizeListOfField(int32(l.Size()), elementOf(info, l))
	})
}

// tensorSchema is fixedSchema with layers of several dimensions declared as tensors, with Arrow's
// canonical extension type arrow.fixed_shape_tensor. Readers that do not know it see fixed-size lists.
func tensorSchema(info Info, md arrow.Metadata) (*arrow.Schema, error) {
	schema := fixedSchema(info, md)
	fields, plain := schema.Fields(), len(plainNames(info.Extra))
	for i, l := range info.Recipe.Layers {
		if !isTensor(l) {
			continue
		}
		shape, err := json.Marshal(map[string][]int{"shape": l.Shape})
		if err != nil {
			return nil, fmt.Errorf("encode the shape of %q: %w", l.Name, err)
		}
		fields[plain+i].Metadata = arrow.NewMetadata(
			[]string{"ARROW:extension:name", "ARROW:extension:metadata"},
			[]string{"arrow.fixed_shape_tensor", string(shape)})
	}
	return arrow.NewSchema(fields, &md), nil
}

// listSchema has lists of variable length, for the Parquet writer, which loses values of fixed-size
// lists. In the file both are the same.
func listSchema(info Info, md arrow.Metadata) *arrow.Schema {
	return makeSchema(info, md, func(l recipe.Layer) arrow.DataType {
		return arrow.ListOfField(elementOf(info, l))
	})
}

func makeSchema(info Info, md arrow.Metadata, vector func(recipe.Layer) arrow.DataType) *arrow.Schema {
	var fields []arrow.Field
	for _, c := range plainColumns(info.Extra) {
		fields = append(fields, arrow.Field{Name: c.name, Type: c.dataType(), Nullable: c.nullable})
	}
	for _, l := range info.Recipe.Layers {
		fields = append(fields, arrow.Field{Name: l.Name, Type: vector(l)})
	}
	return arrow.NewSchema(fields, &md)
}

// shardMeta is what a shard's footer says about the shard.
type shardMeta struct {
	recipe      recipe.Recipe
	fingerprint string
	toolVersion string
	dtype       DType
	extra       []Extra
}

// parseMetadata reads footer metadata through lookup and checks that the schema has the recipe's
// columns.
func parseMetadata(schema *arrow.Schema, lookup func(key string) (string, bool)) (shardMeta, error) {
	encoded, ok := lookup(keyRecipe)
	if !ok {
		return shardMeta{}, fmt.Errorf("%w: its footer has no %s, so this is not a file of features", ErrCorrupt, keyRecipe)
	}
	var m shardMeta
	if err := json.Unmarshal([]byte(encoded), &m.recipe); err != nil {
		return shardMeta{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, keyRecipe, err)
	}
	extra, _ := lookup(keyExtra)
	var err error
	if m.extra, err = parseExtra(extra); err != nil {
		return shardMeta{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, keyExtra, err)
	}
	if err := validateLayers(m.recipe.Layers, m.extra); err != nil {
		return shardMeta{}, fmt.Errorf("%w: %s: %w", ErrCorrupt, keyRecipe, err)
	}
	m.fingerprint, _ = lookup(keyFingerprint)
	m.toolVersion, _ = lookup(keyToolVersion)
	if m.fingerprint != m.recipe.Fingerprint() {
		return shardMeta{}, fmt.Errorf("%w: %s does not match %s", ErrCorrupt, keyFingerprint, keyRecipe)
	}
	dtype, _ := lookup(layerKey(m.recipe.Layers[0].Name, "dtype"))
	m.dtype = DType(dtype)
	info := Info{Recipe: m.recipe, DType: m.dtype, Extra: m.extra}
	if slices.Contains(m.extra, ExtraGroup) {
		info.Grouping = "unknown" // which is in the manifest
	}
	if err := info.validate(); err != nil {
		return shardMeta{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return m, checkSchema(schema, info)
}

// checkSchema accepts lists of fixed and of variable length, since both can be read.
func checkSchema(have *arrow.Schema, info Info) error {
	fixed, list := fixedSchema(info, arrow.Metadata{}), listSchema(info, arrow.Metadata{})
	for i, want := range fixed.Fields() {
		at := have.FieldIndices(want.Name)
		if len(at) != 1 {
			return fmt.Errorf("%w: it has %d columns named %q instead of one", ErrCorrupt, len(at), want.Name)
		}
		got := have.Field(at[0]).Type
		if !sameType(got, want.Type) && !sameType(got, list.Field(i).Type) {
			return fmt.Errorf("%w: column %q is %s, not %s", ErrCorrupt, want.Name, got, want.Type)
		}
	}
	return nil
}

// sameType compares types without the names and nullability of list elements, in which
// writers differ.
func sameType(a, b arrow.DataType) bool {
	if a.ID() != b.ID() {
		return false
	}
	switch a := a.(type) {
	case *arrow.FixedSizeListType:
		other, ok := b.(*arrow.FixedSizeListType)
		return ok && a.Len() == other.Len() && sameType(a.Elem(), other.Elem())
	case *arrow.ListType:
		other, ok := b.(*arrow.ListType)
		return ok && sameType(a.Elem(), other.Elem())
	}
	return arrow.TypeEqual(a, b)
}
