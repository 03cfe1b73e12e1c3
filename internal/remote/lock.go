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
	"time"

	"github.com/sirupsen/logrus"

	"fovea/featurestore"
	"fovea/objects"
)

// lockObject is there while a writer works, formerLock while one of an earlier version does.
const (
	lockObject = featurestore.HiddenDir + "/lock"
	formerLock = ".lock"
)

// A writer writes the lock anew at every lockRefresh. When it has not done so for lockStale, it
// is taken for dead.
const (
	lockRefresh = time.Minute
	lockStale   = 10 * time.Minute
)

// note is the content of the lock.
type note struct {
	// Token is the writer's own; a later run with the same staging directory has it, too.
	Token   string    `json:"token"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Written time.Time `json:"written"`
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

// lock makes the caller the only writer of a folder, whose objects are found.
func lock(ctx context.Context, folder *objects.Folder, found map[string]objects.Object, token string) error {
	if err := awaitFormer(ctx, folder, found, token); err != nil {
		return err
	}
	held, there := found[lockObject]
	if !there {
		err := folder.Create(ctx, lockObject, newNote(token))
		if err == nil {
			return confirm(ctx, folder, token)
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		held.Modified = time.Now() // by another one, or by an attempt of ours whose answer was lost
	}
	if err := stale(ctx, folder, lockObject, held, token); err != nil {
		return err
	}
	if err := refresh(ctx, folder, token); err != nil {
		return err
	}
	return confirm(ctx, folder, token)
}

// awaitFormer refuses a folder that a program of an earlier version is writing to, and removes what
// a dead one has left.
func awaitFormer(ctx context.Context, folder *objects.Folder, found map[string]objects.Object, token string) error {
	held, there := found[formerLock]
	if !there {
		return nil
	}
	if err := stale(ctx, folder, formerLock, held, token); err != nil {
		return err
	}
	return folder.Delete(ctx, formerLock)
}

// stale fails unless a lock is one's own or its holder is taken for dead.
func stale(ctx context.Context, folder *objects.Folder, name string, held objects.Object, token string) error {
	holder, err := holderOf(ctx, folder, name)
	if err != nil || holder.Token == token {
		return err
	}
	if time.Since(held.Modified) < lockStale {
		return fmt.Errorf("%s: %w: process %d on %s, last heard of at %s; if it is dead, wait %s, or delete the object %s",
			folder, featurestore.ErrLocked, holder.PID, holder.Host, held.Modified.Format(time.RFC3339), lockStale, name)
	}
	logrus.Warnf("%s was being written to by process %d on %s, which has not been heard of since %s: taking over", folder, holder.PID, holder.Host, held.Modified.Format(time.RFC3339))
	return nil
}

// confirm fails if another writer has taken the lock in the same moment.
func confirm(ctx context.Context, folder *objects.Folder, token string) error {
	holder, err := holderOf(ctx, folder, lockObject)
	if err == nil && holder.Token != token {
		err = fmt.Errorf("%s: %w: process %d on %s", folder, featurestore.ErrLocked, holder.PID, holder.Host)
	}
	return err
}

func holderOf(ctx context.Context, folder *objects.Folder, name string) (note, error) {
	text, err := folder.Get(ctx, name)
	if err != nil {
		return note{}, err
	}
	var n note
	_ = json.Unmarshal(text, &n) // another one's in any case
	return n, nil
}

func refresh(ctx context.Context, folder *objects.Folder, token string) error {
	text := string(newNote(token))
	return folder.Put(ctx, lockObject, strings.NewReader(text), int64(len(text)))
}
