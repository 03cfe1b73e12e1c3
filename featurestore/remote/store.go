package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fovea/objects"
)

// store is a dataset's folder while this process has its lock. It notes the state of an object,
// then checks the lock, and then writes or deletes the object on condition that it is still in the
// noted state. A run that has taken the lock in between has written there, or will: then the
// condition is not met, or what was written is overwritten. Where a store ignores conditions, there
// is a window of one request in which another run may take the lock; the next check reveals it.
type store struct {
	folder *objects.Folder
	lease  *lease
	// listed are the objects that existed at the beginning, touched those that may have changed
	// since.
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

// attempts is how often a write is repeated when others, who have no right to, write in between.
const attempts = 4

// put writes an object.
func (s *store) put(ctx context.Context, name string, content io.ReaderAt, size int64) error {
	return s.change(ctx, name, func(before objects.State) error {
		return s.folder.PutIf(ctx, name, content, size, before)
	})
}

// delete deletes an object, which need not exist.
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
		s.touched[name] = true // whatever the outcome
		err := change(before)
		if !errors.Is(err, objects.ErrChanged) {
			return err
		}
		if attempt == attempts {
			return fmt.Errorf("%w: something else writes to %s", err, s.folder)
		}
	}
}
