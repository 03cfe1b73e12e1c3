package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fovea/objects"
)

// store is a dataset's folder while this process has its lock. What is under a name is noted first, then
// the lock is checked, and then the object is written or deleted, on condition that it be the one that was
// noted. A run that has taken the lock in between has written there, or will: then the condition is not
// met, or what was written is written over. Where a store passes over conditions, the time of one request
// is left in which another may take the lock; the next check tells.
type store struct {
	folder *objects.Folder
	lease  *lease
	// listed are the objects that there were at the beginning, touched those that may be others by now.
	listed  map[string]objects.State
	touched map[string]bool
}

func newStore(l *lease, found map[string]objects.Object) *store {
	s := &store{l.folder, l, map[string]objects.State{}, map[string]bool{}}
	for name, o := range found {
		s.listed[name] = o.State()
	}
	return s
}

// attempts is how often something is written that others, who have no right to, write in between.
const attempts = 4

// put writes an object.
func (s *store) put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return s.change(ctx, name, func(before objects.State) error {
		return s.folder.PutIf(ctx, name, content, size, before)
	})
}

// delete deletes an object, which need not be there.
func (s *store) delete(ctx context.Context, name string) error {
	return s.change(ctx, name, func(before objects.State) error {
		return s.folder.DeleteIf(ctx, name, before)
	})
}

func (s *store) change(ctx context.Context, name string, change func(before objects.State) error) error {
	for attempt := 0; ; attempt++ {
		before := s.listed[name]
		if s.touched[name] {
			var err error
			if before, err = s.folder.State(ctx, name); err != nil {
				return err
			}
		}
		if err := s.lease.check(ctx); err != nil {
			return err
		}
		s.touched[name] = true // whatever becomes of it
		err := change(before)
		if !errors.Is(err, objects.ErrChanged) {
			return err
		}
		if attempt == attempts {
			return fmt.Errorf("%w: something else writes to %s", err, s.folder)
		}
	}
}
