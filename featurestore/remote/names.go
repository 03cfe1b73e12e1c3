package remote

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"fovea/featurestore"
	"fovea/objects"
)

// seenDir holds the state of the image files when they were read.
const seenDir = featurestore.HiddenDir + "/seen"

// isOwn says whether a name is that of a dataset's object, in the current layout or an earlier one.
func isOwn(name string) bool {
	switch name {
	case featurestore.ManifestFile, featurestore.FormerManifestFile, featurestore.FormerFailuresFile:
		return true
	}
	return isLock(name) || isSide(name) || featurestore.IsShard(name)
}

// isLock reports whether a name is that of an object that coordinates writers.
func isLock(name string) bool {
	return name == lockObject || name == clockObject || name == formerLock
}

// isSide says whether a name is that of a file beside the shards with more about their rows.
func isSide(name string) bool {
	return name == featurestore.FailuresFile || strings.HasPrefix(name, seenDir+"/") && filepath.IsLocal(filepath.FromSlash(name))
}

// sideFiles are the names of those files in a directory.
func sideFiles(dir string) (names []string, err error) {
	root := filepath.Join(dir, filepath.FromSlash(featurestore.HiddenDir))
	err = filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not yet, or no longer
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if name = filepath.ToSlash(name); err == nil && isSide(name) {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// manifestOf is the name of the manifest among objects, "" if there is none. If those of both
// layouts exist, a migration was interrupted, and the current layout's counts.
func manifestOf(found map[string]objects.Object) string {
	for _, name := range []string{featurestore.ManifestFile, featurestore.FormerManifestFile} {
		if _, ok := found[name]; ok {
			return name
		}
	}
	return ""
}

// hasManifest says whether a directory has a manifest.
func hasManifest(dir string) bool {
	return exists(filepath.Join(dir, filepath.FromSlash(featurestore.ManifestFile))) || exists(filepath.Join(dir, featurestore.FormerManifestFile))
}

// list are the objects of a dataset by name: its files, and others in data/; foreign is one of the
// remaining ones.
func list(ctx context.Context, folder *objects.Folder) (found map[string]objects.Object, foreign string, err error) {
	found = map[string]objects.Object{}
	err = folder.List(ctx, func(o objects.Object) error {
		if name := o.Name; isOwn(name) || path.Dir(name) == featurestore.DataDir && filepath.IsLocal(path.Base(name)) {
			found[name] = o
		} else {
			foreign = name
		}
		return nil
	})
	return found, foreign, err
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
