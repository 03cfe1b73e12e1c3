package featurestore

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"fovea/recipe"
)

const (
	manifestKind    = "fovea-features"
	manifestVersion = 1
)

// Manifest describes a dataset: ManifestFile.
type Manifest struct {
	// Kind is "fovea-features" and Version 1.
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Status  Status `json:"status"`

	Fingerprint string        `json:"fingerprint"`
	Recipe      recipe.Recipe `json:"recipe"`
	Format      Format        `json:"format"`
	DType       DType         `json:"dtype"`
	ToolVersion string        `json:"tool_version"`
	// TensorExtension says that the columns of layers with several dimensions are declared
	// as arrow.fixed_shape_tensor.
	TensorExtension bool   `json:"tensor_extension,omitempty"`
	Device          string `json:"device,omitempty"`

	// Rows and Failures count those of all shards and of the list of failures.
	Rows     int `json:"rows"`
	Failures int `json:"failures"`
	// Labels and Splits count rows by label and split; rows without one are left out.
	Labels map[string]int `json:"labels"`
	Splits map[string]int `json:"splits"`
	// RowsPerShard is the number of rows of every shard but the last. If Assembled, the
	// shards were made by several writers, and any may have fewer.
	RowsPerShard int     `json:"rows_per_shard"`
	Assembled    bool    `json:"assembled,omitempty"`
	Shards       []Shard `json:"shards"`

	// Created is when the dataset was begun, Finished when the last run ended. They stand
	// here alone: shards depend on nothing but the rows and the recipe.
	Created  time.Time  `json:"created"`
	Finished *time.Time `json:"finished,omitempty"`
}

// readManifest reads the manifest of a directory, and says in which layout it lies there.
func readManifest(dir string) (Manifest, layout, error) {
	where := layoutOf(dir)
	raw, err := os.ReadFile(inDir(dir, where.manifest))
	if err != nil {
		return Manifest{}, where, err
	}
	m, err := ParseManifest(raw)
	return m, where, err
}

// ParseManifest reads what Encode has made.
func ParseManifest(raw []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return Manifest{}, fmt.Errorf("read %q: %w: %w", manifestName, ErrNotDataset, err)
	}
	if m.Kind != manifestKind {
		return Manifest{}, fmt.Errorf("read %q: %w of features: its kind is %q, not %q", manifestName, ErrNotDataset, m.Kind, manifestKind)
	}
	if m.Version != manifestVersion {
		return Manifest{}, fmt.Errorf("read %q: version %d is not known to this program, which reads version %d", manifestName, m.Version, manifestVersion)
	}
	return m, m.validate()
}

func (m Manifest) validate() error {
	info := Info{Recipe: m.Recipe, DType: m.DType}
	if err := info.validate(); err != nil {
		return fmt.Errorf("read %q: %w: %w", manifestName, ErrCorrupt, err)
	}
	options := Options{Format: m.Format}
	if err := options.validate(); err != nil {
		return fmt.Errorf("read %q: %w: %w", manifestName, ErrCorrupt, err)
	}
	switch {
	case m.Fingerprint != m.Recipe.Fingerprint():
		return fmt.Errorf("read %q: %w: the fingerprint is not that of the recipe", manifestName, ErrCorrupt)
	case m.RowsPerShard < 1:
		return fmt.Errorf("read %q: %w: %d rows per shard", manifestName, ErrCorrupt, m.RowsPerShard)
	}
	return nil
}

// Encode is the content of manifest.json.
func (m Manifest) Encode() ([]byte, error) {
	encoded, err := json.MarshalIndent(m, "", "  ")
	return append(encoded, '\n'), err
}

func (m Manifest) write(c *writerConfig) error {
	err := func() error {
		encoded, err := m.Encode()
		if err != nil {
			return err
		}
		temp, err := createTemp(tempPath(c.dir, ManifestFile), c.options.hooks.wrap)
		if err != nil {
			return err
		}
		_, _ = temp.Write(encoded) // commit repeats its error
		return temp.commit(inDir(c.dir, ManifestFile))
	}()
	if err != nil {
		return fmt.Errorf("write %q: %w", ManifestFile, err)
	}
	return nil
}
