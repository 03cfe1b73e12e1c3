package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/redact"
	"fovea/objects"
)

// stagingOf is the directory below root for a URL, however it is spelled and whatever credentials it has. Earlier
// versions had one for each of both, which may hold something to continue.
func stagingOf(root, name string, folder *objects.Folder) string {
	dir := func(name string) string {
		sum := sha256.Sum256([]byte(name))
		return filepath.Join(root, fmt.Sprintf("%s-%x", filepath.Base(folder.String()), sum[:6]))
	}
	now := dir(objects.Canonical(redact.Identity(name)))
	for _, d := range []string{now, dir(objects.Canonical(name)), dir(name)} {
		if exists(d) {
			return d
		}
	}
	return now
}

// refuse fails if the existing objects may not be written to.
func (o *Output) refuse(found map[string]objects.Object, foreign string, options Options, staged bool) error {
	there := manifestOf(found) != ""
	if there {
		foreign = "" // beside a dataset others may lie
	}
	for name := range found {
		if !there && !isLock(name) || path.Dir(name) == featurestore.DataDir && !featurestore.IsShard(name) {
			foreign = name
		}
	}
	switch {
	case foreign != "":
		return fmt.Errorf("%s is not empty (it holds %q) and %w: choose another name", o.folder, foreign, featurestore.ErrNotDataset)
	case options.Resume || options.Overwrite || !there && !staged:
		return nil
	case !there:
		return fmt.Errorf("%s %w, so far only in %s: resume it, or overwrite it", o.folder, featurestore.ErrExists, o.Dir)
	}
	return fmt.Errorf("%s %w", o.folder, featurestore.ErrExists)
}

// stage puts what is to be continued into the directory, and notes what is in the store.
func (o *Output) stage(ctx context.Context, options Options, staged bool) error {
	found, foreign, err := list(ctx, o.folder) // anew: until the lock was taken another one may have written
	if err == nil {
		err = o.refuse(found, foreign, options, staged)
	}
	if err != nil {
		return err
	}
	o.upload = upload{store: newStore(o.lease, found), dir: o.Dir, found: found}
	var m featurestore.Manifest
	if name := manifestOf(found); name != "" {
		text, err := o.folder.Get(ctx, name)
		if err != nil {
			return err
		}
		if m, err = featurestore.ParseManifest(text); err != nil && (!options.Overwrite || errors.Is(err, featurestore.ErrNotDataset)) {
			return fmt.Errorf("%s: %w", o.folder, err)
		}
		o.upload.there = m.Shards
	}
	if !options.Resume {
		return os.RemoveAll(o.Dir)
	}
	if staged && o.agrees(m) || m.Kind == "" {
		return nil
	}
	if staged {
		logrus.Warnf("%s has been written to by others since; continuing with what it holds", o.folder)
	}
	return o.restore(ctx, m)
}

// restore replaces the directory by what the store holds, as a whole: half a dataset would be taken
// for one that was begun there.
func (o *Output) restore(ctx context.Context, m featurestore.Manifest) error {
	fetching := o.upload
	fetching.dir = o.Dir + ".fetching"
	if err := os.RemoveAll(fetching.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(fetching.dir, 0o755); err != nil {
		return err
	}
	if err := fetching.restore(ctx, m); err != nil {
		return errors.Join(err, os.RemoveAll(fetching.dir))
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	return os.Rename(fetching.dir, o.Dir)
}

// agrees says whether the directory holds the shards that a manifest lists. The last one, if it
// is a short one, may have been replaced by a longer one already.
func (o *Output) agrees(m featurestore.Manifest) bool {
	for i, s := range m.Shards {
		sum, err := featurestore.HashFile(filepath.Join(o.Dir, filepath.FromSlash(s.File)))
		replaced := i == len(m.Shards)-1 && s.Rows < m.RowsPerShard && o.began().Equal(m.Created)
		if err != nil || sum != s.SHA256 && !replaced {
			return false
		}
	}
	return true
}

// began is when the dataset in the directory was begun, which distinguishes it from others.
func (o *Output) began() time.Time {
	for _, name := range []string{featurestore.ManifestFile, featurestore.FormerManifestFile} {
		text, err := os.ReadFile(filepath.Join(o.Dir, filepath.FromSlash(name)))
		if m, parseErr := featurestore.ParseManifest(text); err == nil && parseErr == nil {
			return m.Created
		}
	}
	return time.Time{}
}
