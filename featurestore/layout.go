package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"fovea/internal/disk"
)

// Names within a dataset's directory that others may need to know, with slashes.
const (
	// DataDir contains the shards and nothing else.
	DataDir = "data"
	// HiddenDir holds everything that is not rows. Most readers, when pointed at the dataset's
	// directory, skip names that begin with a dot and so read the rows; the others find no file at
	// the top that could be part of a table, and fail.
	HiddenDir = ".fovea"
	// ManifestFile is the manifest, FailuresFile the list of failures.
	ManifestFile = HiddenDir + "/manifest.json"
	FailuresFile = HiddenDir + "/errors.jsonl"
)

// Names of the same files in datasets of earlier versions: at the top of the directory, where readers
// took them for parts of the table. Such datasets are read as they are, and converted to the current
// layout when something is written to them.
const (
	FormerManifestFile = "manifest.json"
	FormerFailuresFile = "errors.parquet"

	formerLock = ".lock"
	formerTemp = ".tmp"
)

const (
	dataDir  = DataDir
	lockFile = HiddenDir + "/lock"
	tempDir  = HiddenDir + "/tmp"
	// nextDir is for building a dataset that cannot be built beside the directory. arrivingDir is a
	// complete one about to move to its place, leavingDir holds the rows that it replaces.
	nextDir     = HiddenDir + "/next"
	arrivingDir = HiddenDir + "/arriving"
	leavingDir  = HiddenDir + "/leaving"
	// stagingDir is for the new rows of an update, and columnsDir for new columns, if there is no place for them beside
	// the directory.
	stagingDir = HiddenDir + "/" + syncSuffix
	columnsDir = HiddenDir + "/" + addSuffix
	// tempSuffix keeps patterns such as **/*.parquet from matching files being written.
	tempSuffix = ".new"
	lostDir    = "lost+found"
	// manifestName is what messages call the manifest, wherever it is.
	manifestName = "manifest.json"
)

// layout says where a dataset's files are.
type layout struct{ manifest, failures string }

var (
	layoutNow    = layout{ManifestFile, FailuresFile}
	layoutFormer = layout{FormerManifestFile, FormerFailuresFile}
)

// layoutOf finds out where the files of a directory are. If both manifests exist, a conversion was
// interrupted after the new one was complete.
func layoutOf(dir string) layout {
	if !isFile(dir, ManifestFile) && isFile(dir, FormerManifestFile) {
		return layoutFormer
	}
	return layoutNow
}

func isFile(dir, name string) bool {
	_, err := os.Stat(inDir(dir, name))
	return err == nil
}

// inDir is the path of one of the names above in dir.
func inDir(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }

// tempPath is where a file is written before it is moved to its place.
func tempPath(dir, name string) string {
	return filepath.Join(inDir(dir, tempDir), path.Base(name)+tempSuffix)
}

// noManifest is the error for a directory without a manifest.
func noManifest(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w of features: there is no such directory: name the one that extract --out wrote", ErrNotDataset)
	}
	entries, _ := os.ReadDir(inDir(dir, dataDir))
	for _, e := range entries {
		if _, _, ok := shardIndex(e.Name()); ok {
			return fmt.Errorf("%w of features: it has no %s, but it has %s/%s: copy the hidden directory %s along with the data files",
				ErrNotDataset, ManifestFile, dataDir, e.Name(), HiddenDir)
		}
	}
	return fmt.Errorf("%w of features: it has no %s: name the directory that extract --out wrote", ErrNotDataset, ManifestFile)
}

// hasFormer reports whether the manifest of the former layout exists and is ours.
func hasFormer(dir string) bool {
	raw, err := os.ReadFile(inDir(dir, FormerManifestFile))
	if err != nil {
		return false
	}
	m, err := ParseManifest(raw)
	return err == nil || m.Kind == manifestKind
}

// moveFailures converts the list of failures of the former layout.
func moveFailures(c *writerConfig, d *Dataset) error {
	if d.layout != layoutFormer {
		return nil
	}
	failures, err := d.failures()
	if err != nil {
		return err
	}
	_, err = writeFailures(c, failures)
	return err
}

// removeFormer deletes the files of the former layout once the current layout's manifest exists. The
// old manifest goes last: while it exists, the next writer knows what the others belong to.
func removeFormer(dir string) error {
	if !hasFormer(dir) {
		return nil
	}
	if err := os.RemoveAll(inDir(dir, formerTemp)); err != nil {
		return err
	}
	for _, name := range []string{FormerFailuresFile, FormerManifestFile} {
		if err := removeFile(inDir(dir, name)); err != nil {
			return err
		}
		if err := disk.Sync(dir); err != nil { // in this order even if the power fails
			return err
		}
	}
	return nil
}

// removeFile deletes a file, if it exists.
func removeFile(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ours reports whether a name at the top of a dataset's directory belongs to the dataset.
func ours(name string) bool {
	switch name {
	case dataDir, HiddenDir, FormerManifestFile, FormerFailuresFile, formerLock, formerTemp:
		return true
	case lostDir: // of a file system, which may be mounted just for the dataset
		return true
	}
	return false
}

// oursHidden is ours for names in HiddenDir.
func oursHidden(name string) bool {
	switch path.Join(HiddenDir, name) {
	case ManifestFile, FailuresFile, seenDir, lockFile, tempDir, nextDir, arrivingDir, leavingDir, stagingDir, columnsDir:
		return true
	}
	return strings.HasSuffix(name, tempSuffix)
}
