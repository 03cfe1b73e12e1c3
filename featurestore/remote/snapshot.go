package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/objects"
)

// snapshot is a dataset on its way from a store into a directory.
type snapshot struct {
	folder  *objects.Folder
	dir     string
	damaged bool

	manifest featurestore.Manifest
	text     []byte // of the manifest
	found    map[string]objects.Object
}

// fetch fetches it. If again is set, a dataset that is being written has replaced the previous one,
// which was complete.
func (s *snapshot) fetch(ctx context.Context, again bool) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if again && s.manifest.Status == featurestore.StatusWriting {
		return fmt.Errorf("%s %w: it is being rewritten; try again when that has finished", s.folder, ErrReplaced)
	}
	if s.manifest.Status == featurestore.StatusWriting {
		logrus.Warnf("%s is being written, or its writer was killed: reading its finished files of rows, %d", s.folder, len(s.manifest.Shards))
	}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return err
	}
	sums, err := fetchAll(ctx, s.folder, s.wanted(), s.dir)
	if err == nil {
		err = s.compare(sums)
	}
	if errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil { // what was listed
		return fmt.Errorf("%s %w: %w", s.folder, ErrReplaced, err)
	}
	if stayed, lookErr := s.stayed(ctx); lookErr != nil {
		return errors.Join(err, lookErr)
	} else if !stayed && (err == nil || errors.Is(err, featurestore.ErrCorrupt)) {
		return fmt.Errorf("%s %w: try again when the run that writes there has finished", s.folder, ErrReplaced)
	}
	if s.damaged && errors.Is(err, featurestore.ErrCorrupt) {
		return nil
	}
	if grown := grownShard(s.manifest, s.found); grown != "" && err == nil {
		return s.unlist(grown)
	}
	return err
}

// wanted are the dataset's own objects.
func (s *snapshot) wanted() map[string]objects.Object {
	wanted := map[string]objects.Object{}
	for name, o := range s.found {
		// In a dataset that is being written, unlisted files may belong to the previous one.
		unlisted := s.manifest.Status == featurestore.StatusWriting && path.Dir(name) == featurestore.DataDir && s.sum(name) == ""
		if !isLock(name) && !unlisted {
			wanted[name] = o
		}
	}
	return wanted
}

// unlist removes a shard from the fetched manifest, which is older than the shard.
func (s *snapshot) unlist(name string) error {
	s.manifest.Shards = slices.DeleteFunc(s.manifest.Shards, func(shard featurestore.Shard) bool { return shard.File == name })
	text, err := s.manifest.Encode()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, filepath.FromSlash(manifestOf(s.found))), text, 0o644)
}

// look lists the objects and reads the manifest.
func (s *snapshot) look(ctx context.Context) (err error) {
	if s.found, _, err = list(ctx, s.folder); err != nil {
		return err
	}
	name := manifestOf(s.found)
	if name == "" {
		return fmt.Errorf("%s: %w of features: it has no %s: name the place that extract --out wrote", s.folder, featurestore.ErrNotDataset, featurestore.ManifestFile)
	}
	source := s.folder.Open(ctx, s.found[name])
	defer source.Close() // read-only
	s.text, err = io.ReadAll(source)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w: %w", s.folder, ErrReplaced, err)
	}
	s.manifest, _ = featurestore.ParseManifest(s.text) // opening it will report it
	return err
}

// sum is the SHA-256 that the manifest lists for a shard, or "".
func (s *snapshot) sum(name string) string {
	for _, shard := range s.manifest.Shards {
		if shard.File == name {
			return shard.SHA256
		}
	}
	return ""
}

// compare checks what was fetched against the manifest.
func (s *snapshot) compare(sums map[string]string) error {
	for _, shard := range s.manifest.Shards {
		switch sum := sums[shard.File]; {
		case sum == "":
			return fmt.Errorf("%s: %w: %s is missing, which its manifest lists", s.folder, featurestore.ErrCorrupt, shard.File)
		case shard.SHA256 != "" && sum != shard.SHA256 && shard.File != grownShard(s.manifest, s.found):
			return fmt.Errorf("%s/%s: %w: its SHA-256 is not the one in the manifest: extract dataset validate lists everything that is wrong", s.folder, shard.File, featurestore.ErrCorrupt)
		}
	}
	return nil
}

// stayed says whether the store still holds what was fetched. A dataset that is being written may
// have grown.
func (s *snapshot) stayed(ctx context.Context) (bool, error) {
	text, err := s.folder.Get(ctx, manifestOf(s.found))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || bytes.Equal(text, s.text) {
		return err == nil, err
	}
	now, err := featurestore.ParseManifest(text)
	known := len(s.manifest.Shards)
	return err == nil && s.manifest.Status == featurestore.StatusWriting && len(now.Shards) >= known && slices.Equal(now.Shards[:known], s.manifest.Shards), nil
}
