package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fovea/featurestore"
	"fovea/objects"
)

// manifestPause is the minimum time between two manifests of a dataset that is being written, each
// of which lists all shards. A later run rewrites shards that no manifest lists.
const manifestPause = 5 * time.Second

// upload uploads a directory's dataset to an object store.
type upload struct {
	store *store
	dir   string
	// found are the objects of a dataset that existed at the beginning and still do.
	found map[string]objects.Object
	// there are the shards in the store that its manifest lists, or soon will.
	there []featurestore.Shard
	// begun: the manifest in the store is of this run, or was there; written is when.
	begun   bool
	written time.Time
	// uploaded are the files beside the shards as they were last uploaded.
	uploaded map[string]fs.FileInfo
}

// push makes the store hold what the manifest says. Once stop is closed, it begins no further
// shard.
func (u *upload) push(ctx context.Context, m featurestore.Manifest, stop <-chan struct{}) error {
	same := commonPrefix(u.there, m.Shards)
	// A shard that replaces a shorter one may be uploaded as it is.
	replaces := same == len(u.there)-1 && len(m.Shards) > same
	if !u.begun || same < len(u.there) && !replaces {
		if !replaces {
			u.there = u.there[:same:same]
		}
		if err := u.begin(ctx, m); err != nil {
			return err
		}
	}
	for _, s := range m.Shards[same:] {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := u.file(ctx, s.File); err != nil {
			return err
		}
		u.there = append(u.there[:same:same], s)
		same++
		if replaces || time.Since(u.written) >= manifestPause {
			replaces = false
			if err := u.note(ctx, m); err != nil {
				return err
			}
		}
	}
	if err := u.uploadOthers(ctx); err != nil {
		return err
	}
	if m.Status == featurestore.StatusWriting {
		return u.note(ctx, m)
	}
	return u.put(ctx, m)
}

// commonPrefix is how many shards both lists begin with.
func commonPrefix(a, b []featurestore.Shard) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// begin makes the manifest list what stays, and deletes the rest.
func (u *upload) begin(ctx context.Context, m featurestore.Manifest) error {
	if manifestOf(u.found) == featurestore.FormerManifestFile { // else the failures would count as none from here on
		if err := u.uploadOthers(ctx); err != nil {
			return err
		}
	}
	if err := u.note(ctx, m); err != nil {
		return err
	}
	u.begun = true
	return u.clear(ctx)
}

// note writes the manifest of a dataset that is being written.
func (u *upload) note(ctx context.Context, m featurestore.Manifest) error {
	m.Status, m.Finished, m.Shards = featurestore.StatusWriting, nil, slices.Clone(u.there)
	if m.Shards == nil {
		m.Shards = []featurestore.Shard{}
	}
	u.written = time.Now()
	return u.put(ctx, m)
}

func (u *upload) put(ctx context.Context, m featurestore.Manifest) error {
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if err := u.store.put(ctx, featurestore.ManifestFile, bytes.NewReader(text), int64(len(text))); err != nil {
		return err
	}
	return u.store.lease.check(ctx) // what readers go by
}

// clear deletes the shards that are no longer listed, from the last one down, with the files beside
// them and what has moved since earlier versions.
func (u *upload) clear(ctx context.Context) error {
	var stale []string
	for name := range u.found {
		listed := slices.ContainsFunc(u.there, func(s featurestore.Shard) bool { return s.File == name })
		side := isSide(name) && len(u.there) == 0 && u.uploaded[name] == nil
		former := name == featurestore.FormerFailuresFile || name == featurestore.FormerManifestFile || name == clockObject
		if featurestore.IsShard(name) && !listed || side || former {
			stale = append(stale, name)
		}
	}
	slices.SortFunc(stale, func(a, b string) int { // by number; longer numbers are larger ones
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return bytes.Compare([]byte(b), []byte(a))
	})
	for _, name := range stale {
		if err := u.store.delete(ctx, name); err != nil {
			return err
		}
		delete(u.found, name)
	}
	return nil
}

// file brings a file.
func (u *upload) file(ctx context.Context, name string) error {
	f, err := os.Open(filepath.Join(u.dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close() // read-only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	u.found[name] = objects.Object{Name: name} // soon, and perhaps in spite of an error
	return u.store.put(ctx, name, f, info.Size())
}

// uploadOthers uploads those files beside the shards, such as the list of failures, that have changed, and
// deletes those that are gone.
func (u *upload) uploadOthers(ctx context.Context) error {
	names, err := sideFiles(u.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(u.dir, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // by now
		} else if err != nil {
			return err
		}
		if before := u.uploaded[name]; before != nil && os.SameFile(before, info) && before.ModTime().Equal(info.ModTime()) && before.Size() == info.Size() {
			continue
		}
		if err := u.file(ctx, name); err != nil {
			return err
		}
		if u.uploaded == nil {
			u.uploaded = map[string]fs.FileInfo{}
		}
		u.uploaded[name] = info
	}
	for name := range u.found {
		if isSide(name) && !slices.Contains(names, name) {
			if err := u.store.delete(ctx, name); err != nil {
				return err
			}
			delete(u.found, name)
			delete(u.uploaded, name)
		}
	}
	return nil
}

// verify compares what is in the store with the manifest.
func (u *upload) verify(ctx context.Context, m featurestore.Manifest) error {
	found, _, err := list(ctx, u.store.folder)
	if err != nil {
		return err
	}
	for _, s := range m.Shards {
		if o, ok := found[s.File]; !ok || o.Size != s.Bytes {
			return fmt.Errorf("%s/%s has %d bytes in the store instead of %d: something else is writing there", u.store.folder, s.File, o.Size, s.Bytes)
		}
		delete(found, s.File)
	}
	for name := range found {
		if filepath.Dir(name) == featurestore.DataDir {
			return fmt.Errorf("%s/%s is not one of the shards that were written: something else is writing there", u.store.folder, name)
		}
	}
	return nil
}

// withdraw removes what was uploaded for a dataset that came to nothing. By then the manifest lists
// no shard.
func (u *upload) withdraw(ctx context.Context) error {
	u.there, u.uploaded = nil, nil
	if err := u.clear(ctx); err != nil {
		return err
	}
	return u.store.delete(ctx, featurestore.ManifestFile)
}

// restore fetches the files that a manifest lists into the directory.
func (u *upload) restore(ctx context.Context, m featurestore.Manifest) error {
	names := []string{manifestOf(u.found)}
	for name := range u.found {
		if names[0] == featurestore.ManifestFile && isSide(name) || names[0] == featurestore.FormerManifestFile && name == featurestore.FormerFailuresFile {
			names = append(names, name)
		}
	}
	sums := map[string]string{}
	for _, s := range m.Shards {
		names = append(names, s.File)
		sums[s.File] = s.SHA256
	}
	wanted := map[string]objects.Object{}
	for _, name := range names {
		o, ok := u.found[name]
		if !ok || !isOwn(name) {
			return fmt.Errorf("%s: %w: %s is missing, which %s lists", u.store.folder, featurestore.ErrCorrupt, name, manifestOf(u.found))
		}
		wanted[name] = o
	}
	got, err := fetchAll(ctx, u.store.folder, wanted, u.dir)
	if err != nil {
		return err
	}
	if grown := grownShard(m, wanted); grown != "" {
		delete(sums, grown)
	}
	for name, want := range sums {
		if got[name] != want {
			return fmt.Errorf("%s/%s: %w: its SHA-256 is not the one in %s", u.store.folder, name, featurestore.ErrCorrupt, manifestOf(u.found))
		}
	}
	return nil
}

// grownShard is the last shard of a dataset that is being written, if it is a short one that was
// replaced by a longer one which the next manifest would have listed; otherwise "".
func grownShard(m featurestore.Manifest, found map[string]objects.Object) string {
	if len(m.Shards) == 0 || m.Status != featurestore.StatusWriting {
		return ""
	}
	last := m.Shards[len(m.Shards)-1]
	if last.Rows >= m.RowsPerShard || found[last.File].Size == last.Bytes {
		return ""
	}
	return last.File
}
