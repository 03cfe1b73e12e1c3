package featurestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Status says how far a dataset is.
type Status string

// The statuses.
const (
	// StatusWriting is that of a dataset that is being written, or whose writer died.
	StatusWriting Status = "writing"
	// StatusInterrupted is that of a dataset whose writer stopped in an orderly way.
	StatusInterrupted Status = "interrupted"
	// StatusComplete is that of a dataset that holds all that it was to hold.
	StatusComplete Status = "complete"
)

// ManifestVersion is the version of the manifest's format.
const ManifestVersion = 1

// Manifest is the content of manifest.json.
type Manifest struct {
	Version     int    `json:"version"`
	Status      Status `json:"status"`
	Format      Format `json:"format"`
	Fingerprint string `json:"fingerprint"`
	Info
	Rows     int `json:"rows"`
	Failures int `json:"failures"`
	// Labels counts the rows of each label; rows without one are not in it.
	Labels       map[string]int `json:"labels,omitempty"`
	RowsPerShard int            `json:"rows_per_shard"`
	Shards       []ShardInfo    `json:"shards"`
	// Updated is the time of this manifest. There are no times in the shards, so that
	// equal pictures give equal files.
	Updated time.Time `json:"updated"`
}

// ShardInfo describes a shard that is complete.
type ShardInfo struct {
	// File is its name in data/.
	File   string `json:"file"`
	Rows   int    `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func readManifest(dir string) (Manifest, error) {
	name := filepath.Join(dir, manifestFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("featurestore: %s: %w: it has no %s; give a directory that extract has written", dir, ErrFormat, manifestFile)
	} else if err != nil {
		return Manifest{}, fmt.Errorf("featurestore: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("featurestore: %s: %w: %w", name, ErrFormat, err)
	}
	if m.Version < 1 || m.Version > ManifestVersion {
		return Manifest{}, fmt.Errorf("featurestore: %s: %w: its version is %d, this program knows %d: use a newer one", name, ErrFormat, m.Version, ManifestVersion)
	}
	if m.Format != FormatParquet && m.Format != FormatArrow {
		return Manifest{}, fmt.Errorf("featurestore: %s: %w: unknown format %q", name, ErrFormat, m.Format)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, fmt.Errorf("featurestore: %s: %w: %w", name, ErrFormat, err)
	}
	return m, nil
}

func (m Manifest) write(dir string) error {
	encoded, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("featurestore: encode the manifest: %w", err)
	}
	temporary := filepath.Join(dir, temporaryDir, manifestFile)
	if err := writeSynced(temporary, append(encoded, '\n')); err != nil {
		return fmt.Errorf("featurestore: write %s: %w", manifestFile, err)
	}
	if err := publish(temporary, filepath.Join(dir, manifestFile)); err != nil {
		return fmt.Errorf("featurestore: write %s: %w", manifestFile, err)
	}
	return nil
}

func writeSynced(name string, data []byte) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}
