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
	// DataDir holds the shards and nothing else.
	DataDir = "data"
	// HiddenDir holds everything that is not rows. Most readers that are pointed at the dataset's
	// directory pass over names that begin with a dot and so read the rows; the others find no file
	// at the top that they could take for one of the table, and fail.
	HiddenDir = ".fovea"
	// ManifestFile is the manifest, FailuresFile the list of failures.
	ManifestFile = HiddenDir + "/manifest.json"
	FailuresFile = HiddenDir + "/errors.jsonl"
)

// Names of the same files in datasets of earlier versions: at the top of the directory, where
// readers took them for parts of the table. Such datasets are read as they are, and get the layout
// of today when something is written to them.
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
	// nextDir is where a dataset is made that cannot be made beside the directory. arrivingDir is one
	// that is whole and about to take the directory's place, leavingDir the rows that it replaces.
	nextDir     = HiddenDir + "/next"
	arrivingDir = HiddenDir + "/arriving"
	leavingDir  = HiddenDir + "/leaving"
	// tempSuffix keeps patterns such as **/*.parquet from finding files that are being written.
	tempSuffix = ".new"
	lostDir    = "lost+found"
	// manifestName is what messages call the manifest wherever it lies.
	manifestName = "manifest.json"
)

// layout says where a dataset's files are.
type layout struct{ manifest, failures string }

var (
	layoutNow    = layout{ManifestFile, FailuresFile}
	layoutFormer = layout{FormerManifestFile, FormerFailuresFile}
)

// layoutOf finds where the files of a directory are. Where both manifests are there, moving them
// was cut short after the new one was whole.
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

// inDir is the path of one of the names above.
func inDir(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }

// tempPath is where the file of that name is written before it is moved to its place.
func tempPath(dir, name string) string {
	return filepath.Join(inDir(dir, tempDir), path.Base(name)+tempSuffix)
}

// noManifest is the error for a directory without a manifest.
func noManifest(dir string) error {
	entries, _ := os.ReadDir(inDir(dir, dataDir))
	for _, e := range entries {
		if _, _, ok := shardIndex(e.Name()); ok {
			return fmt.Errorf("%w of features: it has no %s, but it has %s/%s: copy the hidden directory %s along with the files of rows",
				ErrNotDataset, ManifestFile, dataDir, e.Name(), HiddenDir)
		}
	}
	return fmt.Errorf("%w of features: it has no %s", ErrNotDataset, ManifestFile)
}

// hasFormer tells whether the manifest of the former layout is there, and ours.
func hasFormer(dir string) bool {
	raw, err := os.ReadFile(inDir(dir, FormerManifestFile))
	if err != nil {
		return false
	}
	m, err := ParseManifest(raw)
	return err == nil || m.Kind == manifestKind
}

// moveFailures rewrites the list of failures of the former layout where it belongs today.
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

// removeFormer deletes the files of the former layout, once the manifest of today's is there. The
// manifest goes last: while it is there, the next writer knows whose the others are.
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
		if err := disk.Sync(dir); err != nil { // in this order, also if the power fails
			return err
		}
	}
	return nil
}

// removeFile deletes a file, if it is there.
func removeFile(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ours tells whether a name at the top of a dataset's directory is one of the dataset's.
func ours(name string) bool {
	switch name {
	case dataDir, HiddenDir, FormerManifestFile, FormerFailuresFile, formerLock, formerTemp:
		return true
	case lostDir: // of a file system, which may be mounted for the dataset alone
		return true
	}
	return false
}

// oursHidden is ours for names in HiddenDir.
func oursHidden(name string) bool {
	switch path.Join(HiddenDir, name) {
	case ManifestFile, FailuresFile, seenDir, lockFile, tempDir, nextDir, arrivingDir, leavingDir:
		return true
	}
	return strings.HasSuffix(name, tempSuffix)
}
