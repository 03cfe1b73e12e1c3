package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/objects"
)

// LostError says that another run has taken the lock of a dataset that was being written. It is
// also featurestore.ErrLocked.
type LostError struct {
	// Dataset is the URL, Holder who has the lock now, Dir where the rows are.
	Dataset, Holder, Dir string
}

func (e *LostError) Error() string {
	return fmt.Sprintf("lost the lock of %s to %s, and stopped writing there: the rows are kept in %s; once nothing else writes to the dataset, the same command with --resume continues", e.Dataset, e.Holder, e.Dir)
}

// Unwrap makes it an ErrLocked.
func (e *LostError) Unwrap() error { return featurestore.ErrLocked }

// lease is a held lock of a dataset in a store. Whoever changes anything there checks it first.
type lease struct {
	folder *objects.Folder
	token  string
	dir    string

	mutex sync.Mutex
	// renewed is when the lock was last written, or before: the beginning of the request.
	renewed time.Time
	err     error // once it is lost
	ended   chan struct{}
}

// take takes the lock of a folder for the rows in a directory.
func take(ctx context.Context, folder *objects.Folder, token, dir string) (*lease, error) {
	l := &lease{folder: folder, token: token, dir: dir, renewed: time.Now(), ended: make(chan struct{})}
	return l, lock(ctx, folder, token)
}

// check fails unless the store confirms that the lock is still ours and not about to be considered
// dead: it renews an old lock.
func (l *lease) check(ctx context.Context) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.checkLocked(ctx)
}

func (l *lease) checkLocked(ctx context.Context) error {
	if l.err != nil {
		return l.err
	}
	for range 3 {
		holder, state, err := holderOf(ctx, l.folder, lockObject)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return l.lose("something that has deleted it since")
		case err != nil:
			return err
		case holder.Token != l.token:
			return l.lose(holder.String())
		case time.Since(l.renewed) < lockRefresh:
			return nil
		}
		begun := time.Now()
		err = putNote(ctx, l.folder, l.token, state)
		if err == nil {
			l.renewed = begun
			return nil
		}
		if !errors.Is(err, objects.ErrChanged) { // by another one, or by an attempt whose answer was lost
			return err
		}
	}
	return fmt.Errorf("%s: the lock keeps changing: something else is writing there", l.folder)
}

// lose ends the lease.
func (l *lease) lose(to string) error {
	l.err = &LostError{l.folder.String(), to, l.dir}
	close(l.ended)
	return l.err
}

// lost is the error of a lease that was lost, or nil.
func (l *lease) lost() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.err
}

// keep checks the lock now and then until stop is closed or the lock is lost.
func (l *lease) keep(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-time.After(lockRefresh):
		case <-l.ended:
			return
		case <-stop:
			return
		}
		if err := l.check(ctx); err != nil && l.lost() == nil {
			logrus.Debugf("the lock was not written: %v", err)
		}
	}
}

// release gives up the lock. A lock that another run has taken stays.
func (l *lease) release(ctx context.Context) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.err != nil {
		return nil // has been told
	}
	for range 3 {
		holder, state, err := holderOf(ctx, l.folder, lockObject)
		if errors.Is(err, fs.ErrNotExist) || err == nil && holder.Token != l.token {
			return nil
		}
		if err == nil {
			err = l.folder.DeleteIf(ctx, lockObject, state)
		}
		if !errors.Is(err, objects.ErrChanged) {
			return err
		}
	}
	return nil // another one's
}
