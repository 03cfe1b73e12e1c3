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

// lockObject is there while a writer works.
const lockObject = ".lock"

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
	holder, err := holderOf(ctx, folder)
	if err != nil {
		return err
	}
	if holder.Token != token {
		if time.Since(held.Modified) < lockStale {
			return fmt.Errorf("%s: %w: process %d on %s, last heard of at %s; if it is dead, wait %s, or delete the object %s",
				folder, featurestore.ErrLocked, holder.PID, holder.Host, held.Modified.Format(time.RFC3339), lockStale, lockObject)
		}
		logrus.Warnf("%s was being written to by process %d on %s, which has not been heard of since %s: taking over", folder, holder.PID, holder.Host, held.Modified.Format(time.RFC3339))
	}
	if err := refresh(ctx, folder, token); err != nil {
		return err
	}
	return confirm(ctx, folder, token)
}

// confirm fails if another writer has taken the lock in the same moment.
func confirm(ctx context.Context, folder *objects.Folder, token string) error {
	holder, err := holderOf(ctx, folder)
	if err == nil && holder.Token != token {
		err = fmt.Errorf("%s: %w: process %d on %s", folder, featurestore.ErrLocked, holder.PID, holder.Host)
	}
	return err
}

func holderOf(ctx context.Context, folder *objects.Folder) (note, error) {
	text, err := folder.Get(ctx, lockObject)
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
