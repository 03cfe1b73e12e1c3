package remote

import (
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

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fovea/featurestore"
	"fovea/internal/output"
	"fovea/objects"
)

// fetches is the number of objects that are read at a time.
const fetches = 4

// Fetch brings a dataset that lies in an object store into a temporary directory, which done
// removes. The directory of any other name is the name itself, or the path of a file:// URL.
func Fetch(ctx context.Context, name string) (dir string, done func(), err error) {
	done = func() {}
	if !objects.IsURL(name) {
		dir, err = objects.LocalPath(name)
		return dir, done, err
	}
	folder, err := objects.Open(ctx, name)
	if err != nil {
		return "", done, err
	}
	defer folder.Close() //nolint:errcheck // only read from
	found, _, err := list(ctx, folder)
	if err != nil {
		return "", done, err
	}
	if manifestOf(found) == "" {
		return "", done, fmt.Errorf("%s: %w of features: it has no %s", folder, featurestore.ErrNotDataset, featurestore.ManifestFile)
	}
	temporary, err := output.TempDir("fovea-dataset")
	if err != nil {
		return "", done, err
	}
	dir, done = temporary.Path, temporary.Discard
	if err := fetchAll(ctx, folder, found, dir); err != nil {
		done()
		return "", func() {}, fmt.Errorf("fetch %s: %w", folder, err)
	}
	return dir, done, nil
}

// ownNames are those of a dataset's objects but its shards, in today's layout and in that of
// earlier versions.
var ownNames = []string{
	featurestore.ManifestFile, featurestore.FailuresFile, lockObject,
	featurestore.FormerManifestFile, featurestore.FormerFailuresFile, formerLock,
}

// manifestOf is the name of the manifest among objects, "" if there is none. The one of today's
// layout counts where both are there: then a move was cut short.
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

// list are the objects of a dataset by their names: its files, and others in data/; foreign is
// one of the others.
func list(ctx context.Context, folder *objects.Folder) (found map[string]objects.Object, foreign string, err error) {
	found = map[string]objects.Object{}
	err = folder.List(ctx, func(o objects.Object) error {
		name := o.Name
		data := path.Dir(name) == featurestore.DataDir && filepath.IsLocal(path.Base(name))
		if slices.Contains(ownNames, name) || data {
			found[name] = o
		} else {
			foreign = name
		}
		return nil
	})
	return found, foreign, err
}

// fetchAll brings all objects but locks into a directory.
func fetchAll(ctx context.Context, folder *objects.Folder, found map[string]objects.Object, dir string) error {
	total := int64(0)
	for _, o := range found {
		total += o.Size
	}
	if err := room(dir, total); err != nil {
		return err
	}
	logrus.Infof("fetching %d files of %s, %.1f MB, into %s", len(found), folder, float64(total)/1e6, dir)
	for _, name := range []string{featurestore.DataDir, featurestore.HiddenDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetches)
	for name, o := range found {
		if name != lockObject && name != formerLock {
			group.Go(func() error {
				_, err := fetch(ctx, folder, o, dir)
				return err
			})
		}
	}
	return group.Wait()
}

// room fails if a directory's disk has no room for so many bytes.
func room(dir string, bytes int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return nil // writing will tell
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < bytes { //nolint:unconvert // of other types elsewhere
		return fmt.Errorf("it takes %.1f MB, but the disk of %s has %.1f MB left: TMPDIR chooses another place for what is read, --staging for what is written", float64(bytes)/1e6, dir, float64(free)/1e6)
	}
	return nil
}

// fetch writes an object to its place below a directory and returns its SHA-256.
func fetch(ctx context.Context, folder *objects.Folder, o objects.Object, dir string) (sum string, err error) {
	source := folder.Open(ctx, o)
	defer source.Close() //nolint:errcheck // only read from
	target, err := os.Create(filepath.Join(dir, filepath.FromSlash(o.Name)))
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

// Located is an error with the URL of a dataset in the place of the directory it was fetched to.
func Located(err error, dir, name string) error {
	if err == nil || dir == name {
		return err
	}
	url, _, _ := strings.Cut(name, "?")
	return located{err, strings.ReplaceAll(err.Error(), dir, url)}
}

type located struct {
	error
	text string
}

func (l located) Error() string { return l.text }
func (l located) Unwrap() error { return l.error }

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
