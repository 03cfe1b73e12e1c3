package head

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"fovea/internal/budget"
	"fovea/internal/output"
	"fovea/internal/seal"
	"fovea/recipe"
)

// A head is stored as JSON, with its numbers as base64 of little-endian float32 and a checksum at the
// end. Files of earlier versions have no checksum.
const (
	fileFormat = "fovea-head"
	// fileVersion is the newest version that is read. A head is written in the oldest version that can hold it, so that
	// older programs can read it: 2 for heads with hidden units or rows scaled to unit length, 3 for heads on several
	// layers, 4 for heads on square roots, 5 for heads on several models, on columns that are not called as the layer is,
	// and on features with a range, bands or a projection, 1 for others. A novelty model takes no newer version: older
	// programs ignore it, and predict the same.
	fileVersion = 5
	// severalModels is the version of heads on columns of several models.
	severalModels = 5
	// maxFileBytes bounds what is read. It has room for a thousand classes on the longest features.
	maxFileBytes = 1 << 30
)

// ErrFile marks a file that is not a head, or a damaged one.
var ErrFile = errors.New("not a usable head")

type headFile struct {
	Format  string   `json:"format"`
	Version int      `json:"version"`
	Classes []string `json:"classes"`
	// Layer is for a single layer, Layers for several, from version 3 on.
	Layer   *recipe.Layer  `json:"layer,omitempty"`
	Layers  []recipe.Layer `json:"layers,omitempty"`
	Recipe  recipe.Recipe  `json:"recipe"`
	Notes   Notes          `json:"notes"`
	Sqrt    bool           `json:"sqrt,omitempty"`
	Unit    bool           `json:"unit,omitempty"`
	Mean    floats         `json:"mean"`
	Scale   floats         `json:"scale"`
	Hidden  *hiddenFile    `json:"hidden,omitempty"`
	Weights []floats       `json:"weights"`
	Biases  floats         `json:"biases"`
	Novelty *noveltyFile   `json:"novelty,omitempty"`
}

type hiddenFile struct {
	Weights []floats `json:"weights"`
	Biases  floats   `json:"biases"`
}

// floats are encoded as base64 of their bytes.
type floats []float32

func (f floats) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, 4*len(f))
	for _, v := range f {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(raw))
}

func (f *floats) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if len(raw)%4 != 0 {
		return fmt.Errorf("%d bytes are not a whole number of values", len(raw))
	}
	*f = make(floats, len(raw)/4)
	for i := range *f {
		(*f)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// Save writes the head to a file. An existing file is replaced completely or not at all.
func (h *Head) Save(name string) error {
	file, err := h.Stage(name)
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := file.Commit(); err != nil {
		return fmt.Errorf("head: %w", err)
	}
	return nil
}

// Stage puts the head on disk, so that Commit has nothing left to do but to give the file its name. The caller ends it
// with Commit or Discard.
func (h *Head) Stage(name string) (*output.File, error) {
	encoded, err := h.encode()
	if err != nil {
		return nil, fmt.Errorf("head: encode %s: %w", name, err)
	}
	file, err := output.Create(name)
	if err == nil {
		if err = h.write(file, encoded); err != nil {
			file.Discard()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("head: write %s: %w", name, err)
	}
	return file, nil
}

// encode gives the content of the head's file.
func (h *Head) encode() ([]byte, error) {
	f := headFile{
		Format: fileFormat, Version: 1, Classes: h.Classes, Layers: h.Layers, Recipe: h.Recipe, Notes: h.Notes,
		Sqrt: h.Standardization.Sqrt, Unit: h.Standardization.Unit, Mean: h.Standardization.Mean, Scale: h.Standardization.Scale,
		Weights: toFile(h.Weights), Biases: h.Biases, Novelty: h.Novelty.toFile(),
	}
	if h.Hidden != nil {
		f.Hidden = &hiddenFile{toFile(h.Hidden.Weights), h.Hidden.Biases}
	}
	if f.Unit || f.Hidden != nil {
		f.Version = 2
	}
	if len(f.Layers) == 1 {
		f.Layer, f.Layers = &f.Layers[0], nil
	} else {
		f.Version = 3
	}
	if f.Sqrt { // programs that do not know it would leave it out
		f.Version = 4
	}
	if f.joins() || f.Recipe.Range != "" || f.Recipe.Bands != "" || f.Recipe.Projection != "" { // they would take another layer, or leave these out
		f.Version = severalModels
	}
	encoded, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return nil, err
	}
	return seal.Append(append(encoded, '\n'))
}

// write puts the file on disk, and reads the head back from it, so that what is written can be loaded.
func (h *Head) write(file *output.File, encoded []byte) error {
	if len(encoded) > maxFileBytes {
		return fmt.Errorf("it would have %d bytes, but at most %d can be read: train on fewer classes or on pooled features", len(encoded), maxFileBytes)
	}
	if _, err := file.Write(encoded); err != nil {
		return err
	}
	written := encoded
	if file.Staged() {
		var err error
		if written, err = os.ReadFile(file.Name()); err != nil {
			return err
		}
	}
	again, err := parse(written)
	if err != nil {
		return fmt.Errorf("it could not be read back: %w", err)
	}
	if !slices.Equal(again.Classes, h.Classes) || !slices.Equal(again.Biases, h.Biases) {
		return fmt.Errorf("it would change when it is read back: the classes %q would be %q", h.Classes, again.Classes)
	}
	return file.Finish()
}

func toFile(rows [][]float32) []floats {
	out := make([]floats, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out
}

func fromFile(rows []floats) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out
}

// ReadOptions say how a head is read.
type ReadOptions struct {
	// MaxMemory is how many bytes of memory reading it may take. By default its size decides: 256 MiB and 16 times
	// the size, but not more than the machine has. A file that needs more is refused with budget.ErrMemory.
	MaxMemory int64
}

// Load reads a head from a file. A file that is not a head, or is damaged, is ErrFile.
func Load(name string) (*Head, error) { return ReadOptions{}.Load(name) }

// Load is the function Load, with options.
func (o ReadOptions) Load(name string) (*Head, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	data, err := budget.ReadFile(name, maxFileBytes)
	if info.IsDir() || errors.Is(err, budget.ErrLarge) {
		return nil, fmt.Errorf("head: %s: %w: give a file that finetune train wrote", name, ErrFile)
	}
	if err != nil {
		return nil, fmt.Errorf("head: %w", err)
	}
	if err := budget.For(int64(len(data)), budget.Packed, o.MaxMemory).JSON(data, "its text"); err != nil {
		return nil, fmt.Errorf("head: %s: %w", name, err)
	}
	h, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("head: %s: %w", name, err)
	}
	return h, nil
}

// checkFormat says whether a file is a head of a version that this program reads: nothing else is known of others.
func checkFormat(data []byte) error {
	var kind struct {
		Format  string
		Version int
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return fmt.Errorf("%w: it is truncated or not JSON: %w", ErrFile, err)
	}
	if kind.Format != fileFormat {
		return fmt.Errorf("%w: it is not a head, its format is %q", ErrFile, kind.Format)
	}
	if kind.Version < 1 || kind.Version > fileVersion {
		return fmt.Errorf("%w: its version is %d, but this program reads 1 to %d: use the program that wrote it, or train again", ErrFile, kind.Version, fileVersion)
	}
	return nil
}

func parse(data []byte) (*Head, error) {
	if err := checkFormat(data); err != nil {
		return nil, err
	}
	if _, err := seal.Check(data); err != nil {
		return nil, fmt.Errorf("%w: %w: restore it from a copy, or train again", ErrFile, err)
	}
	var f headFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if f.Layer != nil {
		f.Layers = []recipe.Layer{*f.Layer}
	}
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("%w: it is damaged: %w", ErrFile, err)
	}
	h := &Head{
		Classes: f.Classes, Layers: f.Layers, Recipe: f.Recipe, Notes: f.Notes, Weights: fromFile(f.Weights), Biases: f.Biases,
		Standardization: Standardization{Sqrt: f.Sqrt, Unit: f.Unit, Mean: f.Mean, Scale: f.Scale}, Novelty: f.Novelty.novelty(),
	}
	if len(f.Layers) > 1 {
		for _, l := range f.Layers {
			h.Standardization.Blocks = append(h.Standardization.Blocks, l.Size())
		}
	}
	if f.Hidden != nil {
		h.Hidden = &Hidden{fromFile(f.Hidden.Weights), f.Hidden.Biases}
	}
	return h, nil
}
