package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"fovea/featurestore"
	"fovea/internal/disk"
	"fovea/internal/output"
	"fovea/internal/redact"
	"fovea/internal/text"
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
	if dir, err = fetchUnreplaced(ctx, folder, temporary.Path, damaged); err != nil {
		temporary.Discard()
		return "", done, err
	}
	return dir, temporary.Discard, nil
}

// fetchUnreplaced fetches a dataset into a directory within parent, again if it was replaced meanwhile.
func fetchUnreplaced(ctx context.Context, folder *objects.Folder, parent string, damaged bool) (string, error) {
	for attempt := 0; ; attempt++ {
		s := snapshot{folder: folder, dir: filepath.Join(parent, fmt.Sprint(attempt)), damaged: damaged}
		again := attempt > 0
		err := s.fetch(ctx, again)
		if !errors.Is(err, ErrReplaced) || attempt == len(fetchPauses) {
			return s.dir, err
		}
		logrus.Debugf("%v: fetching it again", err)
		select {
		case <-time.After(fetchPauses[attempt]):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		if err := os.RemoveAll(s.dir); err != nil {
			return "", err
		}
	}
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
	logrus.Infof("fetching %s of %s, %.1f MB, into %s", text.Plural(len(wanted), "file"), folder, float64(total)/1e6, dir)
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
	free, err := disk.Free(dir)
	if err != nil {
		return nil // writing will show
	}
	if free < bytes {
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
