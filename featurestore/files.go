package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Names within a dataset's directory.
const (
	dataDir      = "data"
	temporaryDir = ".tmp"
	errorsFile   = "errors.parquet"
	manifestFile = "manifest.json"
)

func shardName(number int, format Format) string { return fmt.Sprintf("part-%05d.%s", number, format) }

// isShard says whether a file in data/ has the name of a shard.
func isShard(name string) bool {
	return strings.HasPrefix(name, "part-") && (strings.HasSuffix(name, "."+string(FormatParquet)) || strings.HasSuffix(name, "."+string(FormatArrow)))
}

// publish gives a finished temporary file its final name, for good: the file has been
// synced, and so is the directory afterwards.
func publish(temporary, final string) error {
	if err := os.Rename(temporary, final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lock takes the directory for this process until the file is closed.
func lock(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("featurestore: %w", err)
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		err = errors.Join(err, d.Close())
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("featurestore: %s: %w: wait for it to end or choose another directory", dir, ErrLocked)
		}
		return nil, fmt.Errorf("featurestore: lock %s: %w", dir, err)
	}
	return d, nil
}

// state of a directory that is to be written to.
type state int

const (
	stateEmpty state = iota
	stateDataset
	stateForeign
)

func inspect(dir string) (state, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return stateForeign, fmt.Errorf("featurestore: %w", err)
	}
	result := stateEmpty
	for _, entry := range entries {
		switch entry.Name() {
		case manifestFile:
			return stateDataset, nil
		case temporaryDir: // left by a run that was killed before its first manifest
		default:
			result = stateForeign
		}
	}
	return result, nil
}

// clear removes what a dataset consists of, and nothing else.
func clearDataset(dir string) error {
	shards, err := listShards(dir)
	if err != nil {
		return err
	}
	// The manifest goes last: a directory without one would be foreign afterwards.
	for _, shard := range shards {
		if err := os.Remove(filepath.Join(dir, dataDir, shard)); err != nil {
			return fmt.Errorf("featurestore: %w", err)
		}
	}
	for _, name := range []string{dataDir, errorsFile, manifestFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("featurestore: remove the old dataset: %w", err)
		}
	}
	return nil
}

// listShards are the names of the shards in order.
func listShards(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, dataDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("featurestore: %w", err)
	}
	var shards []string
	for _, entry := range entries {
		if isShard(entry.Name()) {
			shards = append(shards, entry.Name())
		}
	}
	return shards, nil // ReadDir sorts
}
