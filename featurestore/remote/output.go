package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/internal/text"
	"fovea/objects"
)

// Options control how a dataset in an object store is written.
type Options struct {
	// Resume continues an existing dataset, Overwrite replaces it. Without either, an existing one
	// is featurestore.ErrExists.
	Resume, Overwrite bool
	// Staging is the directory that holds the directories of datasets being uploaded.
	Staging string
}

// Output is a dataset in an object store that is being written. Its methods are for one goroutine.
type Output struct {
	// Dir is the directory to write the dataset to; with Options.Resume it holds what can be
	// continued.
	Dir string

	folder  *objects.Folder
	staging string
	own     *flock.Flock
	lease   *lease
	upload  upload
	stop    chan struct{}
	working sync.WaitGroup

	mutex  sync.Mutex
	latest *featurestore.Manifest
	wake   chan struct{}
}

// Create begins to write a dataset. Nothing in the store but the lock changes before Written is
// called. The caller ends it with Finish or Abandon.
func Create(ctx context.Context, name string, options Options) (*Output, error) {
	folder, err := objects.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	o := &Output{folder: folder, stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	if strings.HasPrefix(name, "mem://") {
		logrus.Warnf("what is written to %s is gone when the program ends", folder)
	}
	o.staging = stagingOf(options.Staging, name, folder)
	o.Dir = filepath.Join(o.staging, "dataset")
	if err := o.begin(ctx, options); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	uploading := context.WithoutCancel(ctx) // finished shards are uploaded in any case
	o.working.Go(func() { o.work(uploading) })
	o.working.Go(func() { o.lease.keep(uploading, o.stop) })
	return o, nil
}

// Context is a context for those who produce the dataset: it is done when parent is or when another
// run has taken the dataset's lock, then with a *LostError as its cause. The caller cancels it in
// the end. On a nil Output it ends only with parent.
func (o *Output) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	if o != nil {
		o.working.Go(func() {
			select {
			case <-o.lease.ended:
				cancel(o.lease.lost())
			case <-o.stop:
			}
		})
	}
	return ctx, func() { cancel(nil) }
}

func (o *Output) begin(ctx context.Context, options Options) (err error) {
	found, foreign, err := list(ctx, o.folder)
	if err != nil {
		return err
	}
	staged := hasManifest(o.Dir)
	if err := o.refuse(found, foreign, options, staged); err != nil {
		return err
	}
	if err := os.MkdirAll(o.staging, 0o755); err != nil {
		return fmt.Errorf("%s waits in %s until it is uploaded: %w: name a directory that can be written to with --staging", o.folder, o.staging, err)
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
	token, err := token(o.staging)
	if err != nil {
		return err
	}
	if o.lease, err = take(ctx, o.folder, token, o.Dir); err != nil {
		return err
	}
	if err := o.stage(ctx, options, staged); err != nil {
		return errors.Join(err, o.lease.release(context.WithoutCancel(ctx)))
	}
	return nil
}

// String is the URL without its parameters.
func (o *Output) String() string { return o.folder.String() }

// Written is for featurestore.Options.Written: it starts uploading files while writing continues.
// On a nil Output it does nothing.
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

// work uploads files until the end. Failed uploads are repeated with the next shard and at the end.
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
		if err := o.upload.push(ctx, m, o.stop); o.lease.lost() != nil {
			return
		} else if err != nil {
			logrus.Warnf("%v; the files stay in %s until the upload succeeds", err, o.Dir)
		}
	}
}

// Finish uploads the rest, the manifest last, and compares the store with it. It removes the
// directory once the dataset is complete.
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
	if lost := o.lease.lost(); lost != nil {
		return errors.Join(lost, o.release(ctx))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w; the rows are kept in %s: run the same command with --resume to upload them to %s", err, o.Dir, o.folder), o.release(ctx))
	}
	logrus.Infof("%s holds %s in %s", o.folder, text.Plural(m.Rows, "row"), text.Plural(len(m.Shards), "shard"))
	if m.Status != featurestore.StatusComplete {
		return o.release(ctx)
	}
	if err := o.release(ctx); err != nil { // the staging directory knows whose lock it is
		return errors.Join(fmt.Errorf("%s is complete, but its object %s still exists: %w", o.folder, lockObject, err), os.RemoveAll(o.Dir))
	}
	return os.RemoveAll(o.staging)
}

// Abandon ends the writing after an error. Finished shards stay where they are. After Finish, or on
// a nil Output, it does nothing.
func (o *Output) Abandon(ctx context.Context) error {
	if o == nil || o.own == nil {
		return nil
	}
	close(o.stop)
	o.working.Wait()
	ctx = context.WithoutCancel(ctx)
	var err error
	if o.upload.begun && !hasManifest(o.Dir) && o.lease.lost() == nil { // nothing came of it
		err = o.upload.withdraw(ctx)
	}
	return errors.Join(err, o.release(ctx))
}

// release gives up the locks.
func (o *Output) release(ctx context.Context) error {
	err := errors.Join(o.lease.release(ctx), o.own.Unlock(), o.folder.Close())
	o.own = nil
	return err
}
