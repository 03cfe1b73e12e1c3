package featurestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/featurestore/internal/guard"
	"fovea/internal/budget"
	"fovea/internal/seal"
	"fovea/recipe"
)

const (
	manifestKind = "fovea-features"
	// manifestVersion is that of datasets of one model. Programs that know no other refuse columnsVersion: they would
	// take all columns for those of the first model, or for layers of the columns' names. Those that know no extraVersion
	// would lose the columns on request whenever they write.
	manifestVersion = 1
	columnsVersion  = 2
	extraVersion    = 3
)

// versionOf is the version of the manifest of a dataset by the recipe, with columns on request.
func versionOf(r recipe.Recipe, extra []Extra) int {
	if len(extra) > 0 {
		return extraVersion
	}
	if len(r.Added) > 0 || slices.ContainsFunc(r.Layers, func(l recipe.Layer) bool { return l.Of != "" }) {
		return columnsVersion
	}
	return manifestVersion
}

// Manifest describes a dataset: ManifestFile.
type Manifest struct {
	// Kind is "fovea-features". Version is 1; 2 if there are columns of several models or under other names than their
	// layers; 3 if there are columns on request.
	Kind    string `json:"kind"`
	Version int    `json:"version"`
	Status  Status `json:"status"`

	Fingerprint string        `json:"fingerprint"`
	Recipe      recipe.Recipe `json:"recipe"`
	Format      Format        `json:"format"`
	DType       DType         `json:"dtype"`
	ToolVersion string        `json:"tool_version"`
	// ExtraColumns are the columns on request, and Grouping says how groups were found; see Info.
	ExtraColumns []Extra `json:"extra_columns,omitempty"`
	Grouping     string  `json:"grouping,omitempty"`
	// TensorExtension means that layers with several dimensions are declared as
	// arrow.fixed_shape_tensor.
	TensorExtension bool   `json:"tensor_extension,omitempty"`
	Device          string `json:"device,omitempty"`

	// Rows and Failures are the numbers of rows in all shards and of failures in the list.
	Rows     int `json:"rows"`
	Failures int `json:"failures"`
	// FailuresFile describes the list of failures. It is nil while a writer works, which writes the
	// list and the manifest at different times, and in datasets of earlier versions.
	FailuresFile *FileSum `json:"failures_file,omitempty"`
	// Labels and Splits count rows by label and split, without the rows that have none.
	Labels map[string]int `json:"labels"`
	Splits map[string]int `json:"splits"`
	// RowsPerShard is the number of rows of every shard but the last. If Assembled, the shards are
	// from several writers, and any may have fewer.
	RowsPerShard int     `json:"rows_per_shard"`
	Assembled    bool    `json:"assembled,omitempty"`
	Shards       []Shard `json:"shards"`

	// Created is when the dataset was started, Finished when the last run ended. They are only here:
	// shards depend on nothing but the rows and the recipe.
	Created  time.Time  `json:"created"`
	Finished *time.Time `json:"finished,omitempty"`
}

// FileSum identifies the content of a file.
type FileSum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// readManifest reads the manifest of a directory, and returns the layout in which it found it.
func readManifest(dir string, mem memory.Allocator) (Manifest, layout, error) {
	where := layoutOf(dir)
	raw, err := os.ReadFile(inDir(dir, where.manifest))
	if err != nil {
		return Manifest{}, where, err
	}
	m, err := parseManifest(raw, guard.Budget(mem, int64(len(raw))))
	return m, where, err
}

// ParseManifest reads what Encode wrote. Unknown members are from a later version, not an error. A text of many
// values that would take more than 256 MiB and 16 times its size is budget.ErrMemory.
func ParseManifest(raw []byte) (Manifest, error) {
	return parseManifest(raw, guard.Budget(memory.DefaultAllocator, int64(len(raw))))
}

func parseManifest(raw []byte, most *budget.Budget) (Manifest, error) {
	if err := most.JSON(raw, "a manifest"); err != nil {
		return Manifest{}, fmt.Errorf("read %q: %w", manifestName, err)
	}
	var m Manifest
	err := json.Unmarshal(raw, &m)
	switch {
	case err != nil && m.Kind != manifestKind:
		return Manifest{}, fmt.Errorf("read %q: %w: %w", manifestName, ErrNotDataset, err)
	case m.Kind != manifestKind:
		return Manifest{}, fmt.Errorf("read %q: %w of features: its kind is %q, not %q", manifestName, ErrNotDataset, m.Kind, manifestKind)
	case m.Version < manifestVersion || m.Version > extraVersion:
		return Manifest{}, fmt.Errorf("read %q: version %d is not known to this program, which reads versions %d to %d", manifestName, m.Version, manifestVersion, extraVersion)
	}
	if err == nil {
		_, err = seal.Check(raw)
	}
	if err == nil {
		err = errors.Join(m.wrong()...)
	}
	if err != nil {
		return m, fmt.Errorf("read %q: %w: %w", manifestName, ErrCorrupt, err)
	}
	return m, nil
}

// Encode returns the content of manifest.json. Its last member is a checksum of the rest.
func (m Manifest) Encode() ([]byte, error) {
	if m.Status == StatusWriting {
		m.FailuresFile = nil
	}
	encoded, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return seal.Append(append(encoded, '\n'))
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
