package recipe

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"fovea/preprocessing"
)

// Layouts of a layer's values for one image.
const (
	// LayoutHWC is height, width, channel with the channel varying fastest (NHWC
	// without the batch dimension).
	LayoutHWC = "HWC"
	// LayoutTC is token, channel with the channel varying fastest.
	LayoutTC = "TC"
	// LayoutC is a plain vector of channels or units.
	LayoutC = "C"
)

// ResizeDense is the resizing of dense views: the shorter side gets the length that they give, and
// the longer one follows in proportion.
const ResizeDense = "shorter-side"

// Layer is one layer's output as stored: its name, the shape of the values of one image, and the
// order in which they are flattened.
type Layer struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Layout string `json:"layout"`
	// Of is the layer's name within its model, where the column has another one.
	Of string `json:"of,omitempty"`
}

// InModel is the layer's name within its model.
func (l Layer) InModel() string { return cmp.Or(l.Of, l.Name) }

// Size is the number of values of one image.
func (l Layer) Size() int {
	size := 1
	for _, d := range l.Shape {
		size *= d
	}
	return size
}

// Channels is the number of values at each position or token; all of them, where there is only one.
func (l Layer) Channels() int {
	if n := len(l.Shape); n > 0 && (l.Layout == LayoutHWC || l.Layout == LayoutTC) {
		return l.Shape[n-1]
	}
	return l.Size()
}

// Recipe is everything that determines the value of a feature vector.
type Recipe struct {
	// Model is the model's name, for people.
	Model string `json:"model"`
	// ModelSHA256 is the hex SHA-256 of the model's weights (and graph, where it has
	// one of its own).
	ModelSHA256 string `json:"model_sha256"`
	// Preprocessing is how pixels become numbers; in JSON it is a string such as "caffe".
	Preprocessing preprocessing.Spec `json:"preprocessing"`
	// Resize is "squash" or "crop", or ResizeDense with dense views.
	Resize string `json:"resize"`
	// Interpolation is the resampling filter, such as "bilinear".
	Interpolation string `json:"interpolation"`
	// Background is what shows through transparent pixels, as "#ffffff"; empty if the alpha
	// channel is dropped.
	Background string `json:"background,omitempty"`
	// Range says which samples of more than 8 bits become black and white, such as "minmax" or "0..4095"; empty for
	// picture.RangeAuto.
	Range string `json:"range,omitempty"`
	// Bands are those that are shown of images, such as "4,3,2"; empty for their own colours.
	Bands string `json:"bands,omitempty"`
	// Tiles says how images were cut, as SIZE, SIZE:STRIDE or SIZE:STRIDE@LEVEL in pixels; empty for whole images.
	Tiles string `json:"tiles,omitempty"`
	// Views are the views of an image whose features are averaged: "flip", "tencrop" or
	// "dense:256,384,512" (with the lengths of the shorter side in pixels); empty for a single one,
	// the centre.
	Views string `json:"views,omitempty"`
	// InputHeight and InputWidth are the model's input size in pixels, 0 if it takes images of any
	// size.
	InputHeight int `json:"input_height"`
	InputWidth  int `json:"input_width"`
	// Pool is the pooling of convolutional layers and of tokens, as Pooling writes it, such as "none", "avg" or "gem:3".
	Pool string `json:"pool"`
	// Projection is what long layers are projected by after pooling, as the type Projection writes it, such as
	// "sparse:1024:1"; empty for none. The shapes in Layers are those after it.
	Projection string `json:"projection,omitempty"`
	// Precision is the arithmetic of the model: "float32", "bfloat16", "int16",
	// "tf32" or "float16".
	Precision string `json:"precision"`
	// Method is how it is computed where that makes a difference (MethodOf), such as "AMX tiles". It is empty
	// in float32, on GPUs, and in recipes of earlier versions.
	Method string `json:"method,omitempty"`
	// Library is the inference library with its version, such as "TensorFlow 2.18.1".
	Library string `json:"library"`
	// Layers are the layers in the order of their columns: first this model's, then those of Added.
	Layers []Layer `json:"layers"`
	// Added are the recipes of further models with columns for the same images, see Parts. Each lists its own
	// layers, by the names of their columns, and has no Added.
	Added []Recipe `json:"added,omitempty"`
}

// Layer returns the layer of that name.
func (r Recipe) Layer(name string) (Layer, bool) {
	for _, l := range r.Layers {
		if l.Name == name {
			return l, true
		}
	}
	return Layer{}, false
}

// WithPicturesOf returns the recipe with the other's treatment of images: resize, interpolation,
// background, range, bands, tiles, views, pooling and projection.
func (r Recipe) WithPicturesOf(other Recipe) Recipe {
	r.Resize, r.Interpolation, r.Background, r.Range = other.Resize, other.Interpolation, other.Background, other.Range
	r.Bands, r.Tiles = other.Bands, other.Tiles
	r.Views, r.Pool, r.Projection = other.Views, other.Pool, other.Projection
	return r
}

// LayerNames returns the layers' names in column order.
func (r Recipe) LayerNames() []string {
	names := make([]string, len(r.Layers))
	for i, l := range r.Layers {
		names[i] = l.Name
	}
	return names
}

// Fingerprint is the hex SHA-256 of the recipe. Two datasets with the same fingerprint were made
// the same way.
func (r Recipe) Fingerprint() string {
	encoded, err := json.Marshal(r)
	if err != nil { // strings and ints only: cannot happen
		panic(fmt.Sprintf("recipe: encode: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// Difference is one field in which two recipes differ.
type Difference struct {
	Field     string
	Have, Got string
	// Minor differences (library version, and precision if its published drift is at most MostMixed or
	// unknown) move features by about the arithmetic's rounding error; all others make them incomparable.
	Minor bool
}

// FieldPrecision is the field of a Difference in precision or method, FieldTiles that in tiles.
const (
	FieldPrecision = "precision"
	FieldTiles     = "tiles"
)

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s here, %s there", d.Field, d.Have, d.Got)
}

// Compare lists the fields in which other differs from r, in the order of the struct,
// without the layers. Of recipes of several models it compares model by model.
func (r Recipe) Compare(other Recipe) []Difference {
	if len(r.Added) == 0 && len(other.Added) == 0 {
		return r.compareOne(other)
	}
	have, got := r.Parts(), other.Parts()
	if len(have) != len(got) {
		return []Difference{{Field: "models", Have: modelNames(have), Got: modelNames(got)}}
	}
	var found []Difference
	for i := range have {
		found = append(found, have[i].compareOne(got[i])...)
	}
	return found
}

func (r Recipe) compareOne(other Recipe) []Difference {
	drift, known := r.Mixture(other)
	size := func(r Recipe) string { return fmt.Sprintf("%dx%d", r.InputHeight, r.InputWidth) }
	fields := []Difference{
		{Field: "model", Have: r.Model, Got: other.Model},
		{Field: "model SHA-256", Have: r.ModelSHA256, Got: other.ModelSHA256},
		{Field: "preprocessing", Have: r.Preprocessing.String(), Got: other.Preprocessing.String()},
		{Field: "resize", Have: r.Resize, Got: other.Resize},
		{Field: "interpolation", Have: r.Interpolation, Got: other.Interpolation},
		{Field: "background", Have: cmp.Or(r.Background, "none"), Got: cmp.Or(other.Background, "none")},
		{Field: "range", Have: cmp.Or(r.Range, "auto"), Got: cmp.Or(other.Range, "auto")},
		{Field: "bands", Have: cmp.Or(r.Bands, "own"), Got: cmp.Or(other.Bands, "own")},
		{Field: FieldTiles, Have: cmp.Or(r.Tiles, "none"), Got: cmp.Or(other.Tiles, "none")},
		{Field: "views", Have: cmp.Or(r.Views, "center"), Got: cmp.Or(other.Views, "center")},
		{Field: "input size", Have: size(r), Got: size(other)},
		{Field: "pool", Have: r.Pool, Got: other.Pool},
		{Field: "projection", Have: cmp.Or(r.Projection, projectNone), Got: cmp.Or(other.Projection, projectNone)},
		{Field: FieldPrecision, Have: r.Arithmetic(), Got: other.Arithmetic(), Minor: !known || drift <= MostMixed},
		{Field: "library", Have: r.Library, Got: other.Library, Minor: true},
	}
	return slices.DeleteFunc(fields, func(d Difference) bool {
		return d.Have == d.Got || d.Field == FieldPrecision && r.sameArithmetic(other)
	})
}

// CompareLayers is Compare with the layers, all of which must agree in order, shape
// and layout.
func (r Recipe) CompareLayers(other Recipe) []Difference {
	differences := r.Compare(other)
	if have, got := describeLayers(r.Layers), describeLayers(other.Layers); have != got {
		differences = append(differences, Difference{Field: "layers", Have: have, Got: got})
	}
	return differences
}

func describeLayers(layers []Layer) string {
	parts := make([]string, len(layers))
	for i, l := range layers {
		parts[i] = fmt.Sprintf("%s%v", l.Name, l.Shape)
		if l.Of != "" {
			parts[i] += " of " + l.Of
		}
	}
	return strings.Join(parts, ",")
}
