package featurestore

import (
	"context"
	"fmt"
)

// BeginColumns begins to give the rows of the dataset in dir vectors in more columns, like BeginUpdate: Staging is for a
// dataset of the new columns, with a row for each of the dataset's, in any order, of the same path and SHA-256.
// CommitColumns joins both. A dataset that is not complete is ErrMismatch.
func BeginColumns(dir string, options Options) (*Update, error) {
	u, err := newColumns(dir, options)
	if err != nil {
		return nil, err
	}
	return u, u.begin()
}

// ExamineColumns is to BeginColumns as ExamineUpdate is to BeginUpdate.
func ExamineColumns(dir string, options Options) (*Update, error) {
	u, err := newColumns(dir, options)
	if err == nil {
		if err = u.open(); err != nil {
			err = fmt.Errorf("featurestore: update: %w", err)
		}
	}
	return u, err
}

func newColumns(dir string, options Options) (*Update, error) {
	_, options = withDefaults(Info{}, options)
	if err := isThere(dir); err != nil {
		return nil, fmt.Errorf("featurestore: update: %w", err)
	}
	return &Update{dir: dir, config: options, adds: true}, nil
}

// suffix is that of the staging directory. Columns have one of their own, so that hours of work for them do not go because
// the rows have to be updated first.
func (u *Update) suffix() string {
	if u.adds {
		return addSuffix
	}
	return syncSuffix
}

// CommitColumns puts the dataset with the columns in Staging as well into the dataset's place, like Commit. Rows, shards,
// failures and status stay; vectors that are there are copied as they are encoded, unless row groups would take too much
// memory with the new ones. The same vectors give the same bytes, in whatever order and however often interrupted they
// were made. A row without vectors in Staging is ErrRowsLacking, columns that do not fit are ErrMismatch.
func (u *Update) CommitColumns(ctx context.Context) error {
	return u.replace(func(next string) error {
		staged, err := open(u.staging, u.config.hooks.mem)
		if err != nil {
			return err
		}
		if have := u.before.manifest.DType; staged.manifest.DType != have {
			return fmt.Errorf("%w: the new columns are of %s, those of the dataset of %s", ErrMismatch, staged.manifest.DType, have)
		}
		v := &revision{dir: u.dir, dataset: u.before, read: u.whole}
		v.options.MaxMemory = u.config.MaxMemory
		if v.added, err = newAddedColumns(ctx, staged, u.rows, u.rowAt); err != nil {
			return err
		}
		defer v.added.close()
		v.device = staged.manifest.Device
		return v.write(ctx, next)
	})
}
