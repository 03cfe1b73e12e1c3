package remote

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/internal/redact"
	"fovea/objects"
)

// fetches is the number of objects that are read at a time.
const fetches = 4

// fetchPauses are the pauses between attempts to fetch a dataset that others keep replacing.
var fetchPauses = []time.Duration{100 * time.Millisecond, time.Second, 3 * time.Second}

// ErrReplaced marks a dataset that was replaced while it was read.
var ErrReplaced = errors.New("was replaced while it was read")

// Fetch fetches a dataset from an object store into a temporary directory, which done removes. For
// any other name, the directory is the name itself or the path of a file:// URL.
//
// The result is one dataset as the store held it at one time: every shard has the SHA-256 listed in
// the manifest. If others write meanwhile, it is fetched again a few times; then the error is
// ErrReplaced.
func Fetch(ctx context.Context, name string) (dir string, done func(), err error) {
	return fetchDataset(ctx, name, false)
}

// FetchDamaged is Fetch for those who examine damage: it also fetches damaged files.
func FetchDamaged(ctx context.Context, name string) (dir string, done func(), err error) {
	return fetchDataset(ctx, name, true)
}

func fetchDataset(ctx context.Context, name string, damaged bool) (dir string, done func(), err error) {
	done = func() {}
	if !objects.IsURL(name) {
		dir, err = objects.LocalPath(name)
		return dir, done, err
	}
	folder, err := objects.Open(ctx, name)
	if err != nil {
		return "", done, err
	}
	defer folder.Close() // read-only
	temporary, err := output.TempDir("fovea-dataset")
	if err != nil {
		return "", done, err
	}
	for attempt := 0; ; attempt++ {
		s := snapshot{folder: folder, dir: filepath.Join(temporary.Path, fmt.Sprint(attempt)), damaged: damaged}
		again := attempt > 0
		if err = s.fetch(ctx, again); !errors.Is(err, ErrReplaced) || attempt == len(fetchPauses) {
			if err == nil {
				return s.dir, temporary.Discard, nil
			}
			temporary.Discard()
			return "", done, err
		}
		logrus.Debugf("%v: fetching it again", err)
		select {
		case <-time.After(fetchPauses[attempt]):
		case <-ctx.Done():
			temporary.Discard()
			return "", done, context.Cause(ctx)
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return "", done, err
		}
	}
}

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
		logrus.Warnf("%s is being written, or its writer was killed: reading the %d finished files of rows", s.folder, len(s.manifest.Shards))
	}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return err
	}
	wanted := map[string]objects.Object{}
	for name, o := range s.found {
		// In a dataset that is being written, unlisted files may belong to the previous one.
		unlisted := s.manifest.Status == featurestore.StatusWriting && path.Dir(name) == featurestore.DataDir && s.sum(name) == ""
		if !isLock(name) && !unlisted {
			wanted[name] = o
		}
	}
	sums, err := fetchAll(ctx, s.folder, wanted, s.dir)
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
		return fmt.Errorf("%s: %w of features: it has no %s", s.folder, featurestore.ErrNotDataset, featurestore.ManifestFile)
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

// fetchAll fetches objects into a directory and returns their SHA-256 by name.
func fetchAll(ctx context.Context, folder *objects.Folder, wanted map[string]objects.Object, dir string) (map[string]string, error) {
	total := int64(0)
	for _, o := range wanted {
		total += o.Size
	}
	if err := room(dir, total); err != nil {
		return nil, err
	}
	logrus.Infof("fetching %d files of %s, %.1f MB, into %s", len(wanted), folder, float64(total)/1e6, dir)
	for _, name := range []string{featurestore.DataDir, featurestore.HiddenDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	sums, mutex := map[string]string{}, sync.Mutex{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetches)
	for name, o := range wanted {
		group.Go(func() error {
			sum, err := fetch(ctx, folder, o, dir)
			mutex.Lock()
			defer mutex.Unlock()
			sums[name] = sum
			return err
		})
	}
	return sums, group.Wait()
}

// room fails if a directory's disk has too little space for the given number of bytes.
func room(dir string, bytes int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return nil // writing will show
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < bytes { // they have other types on other systems
		return fmt.Errorf("it takes %.1f MB, but the disk of %s has %.1f MB left: set TMPDIR to choose another place for reading, --staging for writing", float64(bytes)/1e6, dir, float64(free)/1e6)
	}
	return nil
}

// fetch writes an object to its place below a directory and returns its SHA-256.
func fetch(ctx context.Context, folder *objects.Folder, o objects.Object, dir string) (sum string, err error) {
	source := folder.Open(ctx, o)
	defer source.Close() // read-only
	name := filepath.Join(dir, filepath.FromSlash(o.Name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	target, err := os.Create(name)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	// By one large buffer, since every read is a request.
	n, err := io.CopyBuffer(io.MultiWriter(target, hash), struct{ io.Reader }{source}, make([]byte, min(max(o.Size, 1), 16<<20)))
	if err == nil && n != o.Size {
		err = fmt.Errorf("%s: %w", o.URL, io.ErrUnexpectedEOF)
	}
	return hex.EncodeToString(hash.Sum(nil)), errors.Join(err, target.Close())
}

// Located is an error with the dataset's URL in place of the directory it was fetched to.
func Located(err error, dir, name string) error {
	if err == nil || dir == name {
		return err
	}
	return located{err, strings.ReplaceAll(err.Error(), dir, redact.Place(name))}
}

type located struct {
	error
	text string
}

func (l located) Error() string { return l.text }
func (l located) Unwrap() error { return l.error }
