package remote

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/objects"
)

// lockObject exists while a writer works, formerLock while one of an earlier version does, and
// clockObject for a moment while a writer that found another's lock asks the store for the time.
const (
	lockObject  = featurestore.HiddenDir + "/lock"
	clockObject = featurestore.HiddenDir + "/clock"
	formerLock  = ".lock"
)

// A writer renews the lock every lockRefresh, and uploads nothing under a lock older than that. A
// lock that has not been renewed for lockStale, by the store's clock, belongs to a writer that is
// considered dead.
const (
	lockRefresh = time.Minute
	lockStale   = 10 * time.Minute
)

// note is the content of the lock.
type note struct {
	// Token is the writer's own; a later run with the same staging directory has the same one.
	Token   string    `json:"token"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Written time.Time `json:"written"`
}

func (n note) String() string {
	if n.Token == "" {
		return "an unnamed writer"
	}
	return fmt.Sprintf("process %d on %s", n.PID, n.Host)
}

// lives says whether the note was made by another process that is not known to be dead: its staging
// directory was copied, because two processes cannot work in one.
func (n note) lives() bool {
	host, _ := os.Hostname()
	switch {
	case n.Token == "" || n.Host == host && n.PID == os.Getpid():
		return false
	case n.Host != host:
		return true
	}
	err := syscall.Kill(n.PID, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// token reads or makes the token of a staging directory.
func token(staging string) (string, error) {
	file := filepath.Join(staging, "token")
	if text, err := os.ReadFile(file); err == nil && len(text) > 0 {
		return string(text), nil
	}
	text := rand.Text()
	return text, os.WriteFile(file, []byte(text), 0o600)
}

func newNote(token string) []byte {
	host, _ := os.Hostname()
	text, _ := json.Marshal(note{token, host, os.Getpid(), time.Now().UTC()}) // of texts and numbers
	return text
}

func putNote(ctx context.Context, folder *objects.Folder, token string, before objects.State) error {
	text := string(newNote(token))
	return folder.PutIf(ctx, lockObject, strings.NewReader(text), int64(len(text)), before)
}

// holderOf reads a lock.
func holderOf(ctx context.Context, folder *objects.Folder, name string) (note, objects.State, error) {
	text, state, err := folder.GetState(ctx, name)
	if err != nil {
		return note{}, state, err
	}
	var n note
	_ = json.Unmarshal(text, &n) // another one's in any case
	return n, state, nil
}

// lock makes the caller the only writer of a folder.
func lock(ctx context.Context, folder *objects.Folder, token string) error {
	if err := awaitFormer(ctx, folder, token); err != nil {
		return err
	}
	for range 5 { // others may come and go in between
		holder, state, err := holderOf(ctx, folder, lockObject)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			state = objects.State{}
		case err != nil:
			return err
		case holder.Token != token || holder.lives():
			if err := stale(ctx, folder, lockObject, holder, state); err != nil {
				return err
			}
		}
		err = putNote(ctx, folder, token, state)
		if err == nil {
			return confirm(ctx, folder, token)
		}
		if !errors.Is(err, objects.ErrChanged) { // also by an attempt of ours whose answer was lost
			return err
		}
	}
	return fmt.Errorf("%s: %w: several runs want to write there at once", folder, featurestore.ErrLocked)
}

// awaitFormer refuses a folder that a program of an earlier version is writing to, and removes what
// a dead one has left.
func awaitFormer(ctx context.Context, folder *objects.Folder, token string) error {
	holder, state, err := holderOf(ctx, folder, formerLock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && holder.Token != token {
		err = stale(ctx, folder, formerLock, holder, state)
	}
	if err != nil {
		return err
	}
	return folder.DeleteIf(ctx, formerLock, state)
}

// stale fails unless the holder of a lock is considered dead.
func stale(ctx context.Context, folder *objects.Folder, name string, holder note, state objects.State) error {
	now, err := storeTime(ctx, folder)
	if err != nil {
		return err
	}
	if state.Modified.IsZero() || now.IsZero() {
		return fmt.Errorf("%s: %w: %s; the store does not say since when: if it is dead, delete the object %s", folder, featurestore.ErrLocked, holder, name)
	}
	if state.Modified.After(now) {
		return fmt.Errorf("%s: %w: %s, last heard of at %s, which is in the future by the store's clock (%s): that was put back, so nobody knows how long ago it was: if it is dead, delete the object %s",
			folder, featurestore.ErrLocked, holder, state.Modified.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), name)
	}
	heard := fmt.Sprintf("%s ago (at %s by the store's clock)", now.Sub(state.Modified).Round(time.Second), state.Modified.UTC().Format(time.RFC3339))
	if now.Sub(state.Modified) < lockStale {
		return fmt.Errorf("%s: %w: %s, last heard of %s; if it is dead, wait %s, or delete the object %s",
			folder, featurestore.ErrLocked, holder, heard, lockStale, name)
	}
	logrus.Warnf("%s was being written to by %s, last heard of %s: taking over", folder, holder, heard)
	return nil
}

// storeTime is the store's own time, the only one that its objects' times may be compared with: the
// time of an object that is written for this purpose.
func storeTime(ctx context.Context, folder *objects.Folder) (time.Time, error) {
	for range 3 { // another one may delete it in between
		if err := folder.Put(ctx, clockObject, strings.NewReader("?"), 1); err != nil {
			return time.Time{}, err
		}
		state, err := folder.State(ctx, clockObject)
		if err != nil {
			return time.Time{}, err
		}
		if state.Exists {
			return state.Modified, folder.Delete(ctx, clockObject)
		}
	}
	return time.Time{}, fmt.Errorf("%s: %w: several runs want to write there at once", folder, featurestore.ErrLocked)
}

// confirm fails if another writer has taken the lock at the same moment, which a store without
// conditions allows.
func confirm(ctx context.Context, folder *objects.Folder, token string) error {
	holder, _, err := holderOf(ctx, folder, lockObject)
	if err == nil && holder.Token != token {
		err = fmt.Errorf("%s: %w: %s", folder, featurestore.ErrLocked, holder)
	}
	return err
}
