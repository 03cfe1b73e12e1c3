package projection

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"fovea/internal/budget"
	"fovea/internal/finite"
	"fovea/internal/output"
	"fovea/internal/seal"
	"fovea/recipe"
)

// A fitted projection is stored as JSON, with its numbers as base64 of little-endian float32, variances of float64, and a
// checksum at the end. Recipes name it by the SHA-256 of the whole file.
const (
	fileFormat  = "fovea-projection"
	fileVersion = 1
	// Suffix ends the names of files.
	Suffix = ".pca.json"
	// maxFileBytes bounds what is read.
	maxFileBytes = 1 << 30
)

// ErrFile marks a file that is not a fitted projection, or a damaged one.
var ErrFile = errors.New("not a usable projection")

type file struct {
	Format     string `json:"format"`
	Version    int    `json:"version"`
	Projection string `json:"projection"`
	// Images is the number of images that it was fitted on.
	Images int `json:"images"`
	// Recipe says how their features came to be, before the projection.
	Recipe recipe.Recipe `json:"recipe"`
	// Layers are in the order of the recipe's.
	Layers []fileLayer `json:"layers"`
}

type fileLayer struct {
	// Variance is the sum of those of all values.
	Variance   float64 `json:"variance"`
	Variances  []byte  `json:"variances"`
	Mean       []byte  `json:"mean"`
	Components []byte  `json:"components"`
}

// seal computes the SHA-256 that recipes name the projection by.
func (p *Projection) seal() error {
	encoded, err := p.encode()
	if err != nil {
		return err
	}
	p.how.SHA256 = sumOf(encoded)
	return nil
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func (p *Projection) encode() ([]byte, error) {
	how := p.how
	how.SHA256 = ""
	f := file{Format: fileFormat, Version: fileVersion, Projection: how.String(), Images: p.fitted.images, Recipe: p.fitted.of}
	for _, c := range p.fitted.layers {
		l := fileLayer{Variance: c.total, Mean: pack(c.mean), Components: pack(c.rows)}
		for _, v := range c.variances {
			l.Variances = binary.LittleEndian.AppendUint64(l.Variances, math.Float64bits(v))
		}
		f.Layers = append(f.Layers, l)
	}
	encoded, err := json.MarshalIndent(f, "", " ")
	if err == nil {
		encoded, err = seal.Append(append(encoded, '\n'))
	}
	if err == nil && len(encoded) > maxFileBytes {
		err = fmt.Errorf("%w: its file would have %d bytes, but at most %d can be read: use fewer components, or pool the layers", ErrUnsuitable, len(encoded), maxFileBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("projection: encode: %w", err)
	}
	return encoded, nil
}

// Save writes a fitted projection to a file. One that exists is replaced completely or not at all.
func (p *Projection) Save(name string) error {
	encoded, err := p.encode()
	if err != nil {
		return err
	}
	if sumOf(encoded) != p.how.SHA256 {
		return fmt.Errorf("projection: %s was written by another version of this program: copy the file itself to %s", p.how, name)
	}
	if err := output.WriteFile(name, encoded); err != nil {
		return fmt.Errorf("projection: write %s: %w", name, err)
	}
	return nil
}

// Keep writes a fitted projection to a directory in which Find finds it, and makes that.
func (p *Projection) Keep(dir string) error {
	name := filepath.Join(dir, p.how.SHA256+Suffix)
	if _, err := readAs(name, p.how.SHA256); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("projection: %w", err)
	}
	return p.Save(name)
}

// Load reads a fitted projection from a file. A file that is not one, or is damaged, is ErrFile.
func Load(name string) (*Projection, error) {
	data, err := budget.ReadFile(name, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("projection: %w", err)
	}
	p, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("projection: %s: %w", name, err)
	}
	return p, nil
}

// Find is the projection that a recipe names: made anew, or read from one of the directories, where it lies in a file
// whose name ends with Suffix. It is nil for none.
func Find(name string, dirs ...string) (*Projection, error) {
	how, err := recipe.ParseProjection(name)
	if err != nil {
		return nil, fmt.Errorf("projection: %w", err)
	}
	if how.Kind != recipe.ProjectPCA {
		return New(how), nil
	}
	for _, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(escape(dir), "*"+Suffix)) // the pattern is right
		if exact := filepath.Join(dir, how.SHA256+Suffix); slices.Contains(files, exact) {
			files = []string{exact}
		}
		for _, file := range files {
			data, err := readAs(file, how.SHA256)
			if err != nil {
				continue
			}
			p, err := parse(data)
			if err != nil {
				return nil, fmt.Errorf("projection: %s: %w", file, err)
			}
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: %s with the SHA-256 %s is in none of %q: copy the file that extract wrote when it was fitted, NAME%s beside the dataset, into one of them", ErrMissing, how.Kind, how.SHA256, dirs, Suffix)
}

// ErrMissing says that the file of a fitted projection was not found.
var ErrMissing = errors.New("the fitted projection is missing")

// readAs reads a file of that SHA-256.
func readAs(name, sum string) ([]byte, error) {
	data, err := budget.ReadFile(name, maxFileBytes)
	if err == nil && sumOf(data) != sum {
		err = fmt.Errorf("%s: %w: its SHA-256 is not %s", name, ErrFile, sum)
	}
	return data, err
}

// escape makes a pattern that matches a path alone.
func escape(path string) string {
	var pattern []byte
	for _, b := range []byte(path) {
		if b == '*' || b == '?' || b == '[' || b == '\\' && filepath.Separator != '\\' {
			pattern = append(pattern, '\\')
		}
		pattern = append(pattern, b)
	}
	return string(pattern)
}

func parse(data []byte) (*Projection, error) {
	if err := budget.For(int64(len(data)), budget.Packed, 0).JSON(data, "its text"); err != nil {
		return nil, err
	}
	// The format comes first: nothing else is known of a foreign or newer file.
	var kind struct {
		Format  string
		Version int
	}
	switch err := json.Unmarshal(data, &kind); {
	case err != nil:
		return nil, fmt.Errorf("%w: it is truncated or not JSON: %w", ErrFile, err)
	case kind.Format != fileFormat:
		return nil, fmt.Errorf("%w: its format is %q, not %s: give a file that extract --project wrote", ErrFile, kind.Format, fileFormat)
	case kind.Version != fileVersion:
		return nil, fmt.Errorf("%w: its version is %d, but this program reads %d: use the program that wrote it", ErrFile, kind.Version, fileVersion)
	}
	if isSealed, err := seal.Check(data); err != nil || !isSealed {
		return nil, fmt.Errorf("%w: %w: restore it from a copy, or fit it again", ErrFile, cmp.Or(err, errUnsealed))
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	p, err := f.projection()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	p.how.SHA256 = sumOf(data)
	return p, nil
}

var errUnsealed = errors.New("it has no checksum")

// projection checks what the file says.
func (f file) projection() (*Projection, error) {
	how, err := recipe.ParseProjection(f.Projection)
	switch {
	case err != nil:
		return nil, err
	case how.Kind != recipe.ProjectPCA || how.SHA256 != "":
		return nil, fmt.Errorf("it is of a projection %q", f.Projection)
	case len(f.Layers) == 0 || len(f.Layers) != len(f.Recipe.Layers):
		return nil, fmt.Errorf("it has components of %d layers, and a recipe of %d", len(f.Layers), len(f.Recipe.Layers))
	}
	p := &Projection{how: how, fitted: &fitted{of: f.Recipe, images: f.Images}}
	for i, l := range f.Layers {
		c, err := l.components(how, f.Recipe.Layers[i].Size())
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", f.Recipe.Layers[i].Name, err)
		}
		p.fitted.layers = append(p.fitted.layers, c)
	}
	return p, nil
}

func (l fileLayer) components(how recipe.Projection, inputs int) (components, error) {
	c := components{inputs: inputs, values: how.Values, whiten: how.Whiten, total: l.Variance}
	if inputs <= how.Values || inputs > mostInputs || len(l.Mean) != 4*inputs || len(l.Components) != 4*inputs*how.Values || len(l.Variances) != 8*how.Values {
		return c, fmt.Errorf("%d values have %d bytes of means, %d of components and %d of variances", inputs, len(l.Mean), len(l.Components), len(l.Variances))
	}
	var err error
	if c.mean, err = unpack(l.Mean); err != nil {
		return c, err
	}
	if c.rows, err = unpack(l.Components); err != nil {
		return c, err
	}
	for at := 0; at < len(l.Variances); at += 8 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(l.Variances[at:]))
		if !(v > 0) || math.IsInf(v, 0) {
			return c, fmt.Errorf("a variance is %g", v)
		}
		c.variances = append(c.variances, v)
	}
	return c, nil
}

func pack(values []float32) []byte {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

func unpack(raw []byte) ([]float32, error) {
	values := make([]float32, len(raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	if at := finite.First(values); at >= 0 {
		return nil, fmt.Errorf("value %d is %v", at, values[at])
	}
	return values, nil
}
