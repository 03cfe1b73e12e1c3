package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/internal/disk"
)

func shardName(index int, format Format) string {
	return fmt.Sprintf("part-%05d.%s", index, format)
}

// IsShard reports whether a name is that of a shard, as in Shard.File.
func IsShard(file string) bool {
	name, found := strings.CutPrefix(file, dataDir+"/")
	_, _, ok := shardIndex(name)
	return found && ok
}

// shardIndex inverts shardName.
func shardIndex(name string) (index int, format Format, ok bool) {
	for _, format := range []Format{FormatParquet, FormatArrow} {
		stem, found := strings.CutSuffix(name, "."+string(format))
		if !found {
			continue
		}
		if _, err := fmt.Sscanf(stem, "part-%d", &index); err == nil && shardName(index, format) == name {
			return index, format, true
		}
	}
	return 0, "", false
}

// hasDataset reports whether the directory contains a dataset. It fails if it contains anything else,
// so that nobody's files are mixed with ours or deleted.
func hasDataset(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, where, err := readManifest(resolve(dir), memory.DefaultAllocator)
	if err == nil {
		return true, nil
	}
	missing := errors.Is(err, fs.ErrNotExist)
	if !missing && !errors.Is(err, ErrNotDataset) {
		return false, err
	}
	foreign := ""
	switch {
	case where.manifest == ManifestFile && !missing:
		return false, fmt.Errorf("%q holds a dataset whose manifest is damaged: %w: put a copy of its %s back, remove the directory, or choose another one", dir, err, ManifestFile)
	case !missing:
		foreign = where.manifest
	}
	// A writer killed before its first manifest leaves empty directories and a lock.
	for _, e := range entries {
		if !ours(e.Name()) || e.Name() == FormerFailuresFile {
			foreign = e.Name()
		}
	}
	if foreign != "" {
		return false, fmt.Errorf("%q is not empty (it contains %q) and %w: choose another directory", dir, foreign, ErrNotDataset)
	}
	return false, onlyBegun(dir)
}

// steadyDataset is hasDataset of a directory in which others may be at work.
func steadyDataset(dir string) (bool, error) {
	return steady(dir, quickAttempts, func(edition) (bool, error) { return hasDataset(dir) })
}

// onlyBegun fails if a directory without a manifest contains rows or failures.
func onlyBegun(dir string) error {
	for _, part := range []string{dataDir, HiddenDir} {
		entries, err := os.ReadDir(inDir(dir, part))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if name := part + "/" + e.Name(); !slices.Contains([]string{lockFile, tempDir, nextDir, arrivingDir, leavingDir, stagingDir, columnsDir}, name) {
				return fmt.Errorf("%q is not empty (it contains %q) and %w, since it has no %s: put that back, or choose another directory", dir, name, ErrNotDataset, ManifestFile)
			}
		}
	}
	return nil
}

// listShards returns the names of the shards in order. They must be numbered from 0 without a gap, in
// one format, and be the only files, because readers take the whole directory.
func listShards(dir string, format Format) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, dataDir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if hidden := strings.HasPrefix(e.Name(), "."); hidden {
			continue // hidden files, such as file browsers leave
		}
		if _, f, ok := shardIndex(e.Name()); !ok || f != format {
			return nil, fmt.Errorf("%w: %s/%s is not one of its shards", ErrCorrupt, dataDir, e.Name())
		}
		names = append(names, e.Name())
	}
	slices.SortFunc(names, compareShards)
	for i, name := range names {
		if want := shardName(i, format); name != want {
			return nil, fmt.Errorf("%w: %s/%s is missing", ErrCorrupt, dataDir, want)
		}
	}
	return names, nil
}

// rowFiles returns the entries of the directory of rows. It fails if there are foreign files among
// them, apart from hidden ones.
func rowFiles(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(dir, dataDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if _, _, ok := shardIndex(e.Name()); !ok && !strings.HasPrefix(e.Name(), ".") {
			return nil, fmt.Errorf("%q: %s/%s is not one of the dataset's files; nothing was deleted", dir, dataDir, e.Name())
		}
	}
	return entries, nil
}

// removeDataset deletes our own files, except the manifest, which marks the directory as ours until
// another one replaces it.
func removeDataset(dir string) error {
	entries, err := rowFiles(dir)
	if err != nil {
		return err
	}
	// From the last one down, so that a killed run leaves no gap.
	for _, e := range slices.Backward(entries) {
		if _, _, ok := shardIndex(e.Name()); !ok {
			continue
		}
		if err := os.Remove(filepath.Join(dir, dataDir, e.Name())); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(inDir(dir, seenDir)); err != nil {
		return err
	}
	if err := removeFile(inDir(dir, FailuresFile)); err != nil || !hasFormer(dir) {
		return err
	}
	return removeFile(inDir(dir, FormerFailuresFile))
}

// prepareDirs makes the directory of rows and an empty one for files being written.
func prepareDirs(dir string) error {
	if err := os.RemoveAll(inDir(dir, tempDir)); err != nil {
		return err
	}
	for _, name := range []string{dataDir, tempDir} {
		if err := os.MkdirAll(inDir(dir, name), 0o755); err != nil {
			return err
		}
	}
	return disk.Sync(dir)
}
