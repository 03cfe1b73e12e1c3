package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/objects"
)

// Options say how a dataset in an object store is written.
type Options struct {
	// Resume goes on with the one that is there, Overwrite replaces it. Without either, one
	// that is there is featurestore.ErrExists.
	Resume, Overwrite bool
	// Staging is the directory for directories of datasets on their way.
	Staging string
}

// Output is a dataset in an object store that is being written. Its methods are for one
// goroutine.
type Output struct {
	// Dir is the directory that the dataset is written to; with Options.Resume it holds what
	// there is to go on with.
	Dir string

	folder  *objects.Folder
	staging string
	own     *flock.Flock
	token   string
	upload  upload
	stop    chan struct{}
	working sync.WaitGroup

	mutex  sync.Mutex
	latest *featurestore.Manifest
	wake   chan struct{}
}

// Create begins to write a dataset. Nothing in the store but the lock changes before Written is
// called. The caller ends it by Finish or Abandon.
func Create(ctx context.Context, name string, options Options) (*Output, error) {
	folder, err := objects.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	o := &Output{folder: folder, stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	if strings.HasPrefix(name, "mem://") {
		logrus.Warnf("what is written to %s is gone when the program ends", folder)
	}
	sum := sha256.Sum256([]byte(name))
	o.staging = filepath.Join(options.Staging, fmt.Sprintf("%s-%x", filepath.Base(folder.String()), sum[:6]))
	o.Dir = filepath.Join(o.staging, "dataset")
	if err := o.begin(ctx, options); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	uploading := context.WithoutCancel(ctx) // what is finished is brought away in any case
	o.working.Go(func() { o.work(uploading) })
	o.working.Go(func() { o.hold(uploading) })
	return o, nil
}

func (o *Output) begin(ctx context.Context, options Options) (err error) {
	found, foreign, err := list(ctx, o.folder)
	if err != nil {
		return err
	}
	there := manifestOf(found) != ""
	if there {
		foreign = "" // beside a dataset others may lie
	}
	for name := range found {
		if shard := featurestore.IsShard(name); !there && name != lockObject && name != formerLock || filepath.Dir(name) == featurestore.DataDir && !shard {
			foreign = name
		}
	}
	if foreign != "" {
		return fmt.Errorf("%s is not empty (it holds %q) and %w: choose another name", o.folder, foreign, featurestore.ErrNotDataset)
	}
	if err := os.MkdirAll(o.staging, 0o755); err != nil {
		return err
	}
	o.own = flock.New(filepath.Join(o.staging, "lock"))
	if locked, err := o.own.TryLock(); err != nil {
		return err
	} else if !locked {
		return fmt.Errorf("%s: %w", o.folder, featurestore.ErrLocked)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.own.Unlock())
		}
	}()
	staged := hasManifest(o.Dir)
	if (there || staged) && !options.Resume && !options.Overwrite {
		if !there {
			return fmt.Errorf("%s %w, so far in %s alone: resume it, or overwrite it", o.folder, featurestore.ErrExists, o.Dir)
		}
		return fmt.Errorf("%s %w: resume it, overwrite it, or choose another name", o.folder, featurestore.ErrExists)
	}
	if o.token, err = token(o.staging); err != nil {
		return err
	}
	if err := lock(ctx, o.folder, found, o.token); err != nil {
		return err
	}
	if err := o.stage(ctx, found, options, staged); err != nil {
		return errors.Join(err, o.folder.Delete(context.WithoutCancel(ctx), lockObject))
	}
	return nil
}

// stage puts into the directory what is gone on with, and notes what is in the store.
func (o *Output) stage(ctx context.Context, found map[string]objects.Object, options Options, staged bool) error {
	o.upload = upload{folder: o.folder, dir: o.Dir, found: found}
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
		logrus.Warnf("%s has been written to by others since; going on with what it holds", o.folder)
	}
	return o.restore(ctx, m)
}

// restore replaces the directory by what the store holds, as a whole: half of a dataset would
// be taken for one that was begun there.
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
		replaced := i == len(m.Shards)-1 && s.Rows < m.RowsPerShard
		if err != nil || sum != s.SHA256 && !replaced {
			return false
		}
	}
	return true
}

// String is the URL without its parameters.
func (o *Output) String() string { return o.folder.String() }

// Written is for featurestore.Options.Written: the files go to the store beside the writing. On
// nil it does nothing.
func (o *Output) Written(m featurestore.Manifest) {
	if o == nil {
		return
	}
	o.mutex.Lock()
	o.latest = &m
	o.mutex.Unlock()
	select {
	case o.wake <- struct{}{}:
	default: // it will see this one, too
	}
}

func (o *Output) manifest() *featurestore.Manifest {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.latest
}

// work brings files away until the end. What fails is tried again with the next shard and at
// the end.
func (o *Output) work(ctx context.Context) {
	for {
		select {
		case <-o.wake:
		case <-o.stop:
			return
		}
		m := *o.manifest()
		if m.Status != featurestore.StatusWriting {
			continue // Finish waits for that
		}
		if err := o.upload.push(ctx, m, o.stop); err != nil {
			logrus.Warnf("%v; the files stay in %s until it succeeds", err, o.Dir)
		}
	}
}

// hold writes the lock anew now and then.
func (o *Output) hold(ctx context.Context) {
	for {
		select {
		case <-time.After(lockRefresh):
			if err := refresh(ctx, o.folder, o.token); err != nil {
				logrus.Debugf("the lock was not written: %v", err)
			}
		case <-o.stop:
			return
		}
	}
}

// Finish brings away what is left, the manifest last, and compares what is in the store with it.
// The directory is removed when the dataset is complete.
func (o *Output) Finish(ctx context.Context) error {
	close(o.stop)
	o.working.Wait()
	ctx = context.WithoutCancel(ctx)
	m := o.manifest()
	if m == nil {
		return errors.Join(errors.New("remote: nothing was written"), o.release(ctx))
	}
	err := o.upload.push(ctx, *m, nil)
	if err == nil {
		err = o.upload.verify(ctx, *m)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w; the rows are kept in %s: the same command with --resume brings them to %s", err, o.Dir, o.folder), o.release(ctx))
	}
	logrus.Infof("%s holds %d rows in %d shards", o.folder, m.Rows, len(m.Shards))
	if m.Status != featurestore.StatusComplete {
		return o.release(ctx)
	}
	if err := o.release(ctx); err != nil { // the staging directory knows whose lock it is
		return errors.Join(fmt.Errorf("%s is whole, but its object %s is still there: %w", o.folder, lockObject, err), os.RemoveAll(o.Dir))
	}
	return os.RemoveAll(o.staging)
}

// Abandon ends the writing after an error. Finished shards stay where they are. After Finish it
// does nothing, nor on nil.
func (o *Output) Abandon(ctx context.Context) error {
	if o == nil || o.own == nil {
		return nil
	}
	close(o.stop)
	o.working.Wait()
	ctx = context.WithoutCancel(ctx)
	var err error
	if !hasManifest(o.Dir) { // nothing came of it
		err = o.upload.withdraw(ctx)
	}
	return errors.Join(err, o.release(ctx))
}

// release gives up the locks.
func (o *Output) release(ctx context.Context) error {
	err := errors.Join(o.folder.Delete(ctx, lockObject), o.own.Unlock(), o.folder.Close())
	o.own = nil
	return err
}
