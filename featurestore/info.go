package featurestore

import (
	"fmt"
	"math"
	"slices"

	"fovea/recipe"
)

// Format is the file format of a dataset's shards.
type Format string

// Formats of shards.
const (
	FormatParquet Format = "parquet"
	// FormatArrow is the Arrow IPC file format (Feather version 2), uncompressed so that readers can
	// map it into memory.
	FormatArrow Format = "arrow"
)

// DType is the stored type of the values of vectors. In memory they are float32.
type DType string

// Stored types.
const (
	Float32 DType = "float32"
	// Float16 is IEEE 754 half precision, rounded to nearest even. Values beyond ±65504 are
	// rejected.
	Float16 DType = "float16"
)

// Size is the number of bytes of one value.
func (t DType) Size() int {
	if t == Float16 {
		return 2
	}
	return 4
}

// Status says whether a dataset is complete.
type Status string

// Statuses of a dataset.
const (
	// StatusWriting is the status while a writer works, and after it was killed. The finished
	// shards are valid.
	StatusWriting Status = "writing"
	// StatusInterrupted is the status after an orderly stop before the end.
	StatusInterrupted Status = "interrupted"
	StatusComplete    Status = "complete"
)

// Info describes a whole dataset.
type Info struct {
	// Recipe decides the values; its layers are the vector columns.
	Recipe recipe.Recipe
	// DType is the stored type of values; "" means Float32.
	DType DType
	// ToolVersion is the version of the writing program.
	ToolVersion string
	// Extra are the columns on request, in the order of their constants. Grouping says, where there is a group, how groups
	// were found: rows that were grouped in different ways do not belong into one dataset. It is only in the manifest.
	Extra    []Extra
	Grouping string
	// Device names what the model ran on. It is only in the manifest, so that it does not make
	// otherwise equal shards differ.
	Device string

	// optionalElements means that list elements are declared as nullable, as in earlier versions. A
	// dataset that one of them started continues like that, because some readers (DataFusion) reject
	// tables whose files differ in it.
	optionalElements bool
	// tensors is Options.TensorExtension.
	tensors bool
}

// Columns before the vectors.
const (
	columnPath   = "path"
	columnLabel  = "label"
	columnSplit  = "split"
	columnSHA256 = "sha256"
	columnWidth  = "width"
	columnHeight = "height"

	columnGroup = "group"
	columnCRS   = "crs"
	columnXMin  = "x_min"
	columnYMin  = "y_min"
	columnXMax  = "x_max"
	columnYMax  = "y_max"
)

var fixedColumns = []string{columnPath, columnLabel, columnSplit, columnSHA256, columnWidth, columnHeight}

// FixedColumns are the names of the columns that every dataset has, in front of those of its layers.
func FixedColumns() []string { return slices.Clone(fixedColumns) }

func (i Info) validate() error {
	if i.DType != Float32 && i.DType != Float16 {
		return fmt.Errorf("unknown dtype %q: want %q or %q", i.DType, Float32, Float16)
	}
	if err := i.Recipe.ValidateParts(); err != nil {
		return err
	}
	if err := validateExtra(i.Extra); err != nil {
		return err
	}
	if has := slices.Contains(i.Extra, ExtraGroup); has != (i.Grouping != "") {
		return fmt.Errorf("the column %s and how groups were found belong together: %t, %q", columnGroup, has, i.Grouping)
	}
	return validateLayers(i.Recipe.Layers, i.Extra)
}

// validateLayers checks that the layers can be columns.
func validateLayers(layers []recipe.Layer, extra []Extra) error {
	if len(layers) == 0 {
		return fmt.Errorf("the recipe has no layers")
	}
	seen := plainNames(extra)
	for _, l := range layers {
		if l.Name == "" || slices.Contains(seen, l.Name) {
			return fmt.Errorf("layer name %q is empty or already the name of a column", l.Name)
		}
		seen = append(seen, l.Name)
		size := int64(1)
		for _, d := range l.Shape {
			if d <= 0 || size > math.MaxInt32/int64(d) {
				return fmt.Errorf("layer %q has the shape %v, which cannot be stored", l.Name, l.Shape)
			}
			size *= int64(d)
		}
	}
	return nil
}

// rowBytes is the size of one row's vectors as stored, before compression.
func rowBytes(layers []recipe.Layer, dtype DType) int64 {
	total := int64(0)
	for _, l := range layers {
		total += int64(l.Size()) * int64(dtype.Size())
	}
	return total
}
