package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"syscall"
	"time"
)

// Changed are the items whose files are others than those that had the SHA-256 known for their
// paths. Only files and sources that were changed, or put in their place, after since are read
// to tell; what cannot be read has not changed.
func Changed(ctx context.Context, items []Item, known map[string]string, since time.Time) ([]Item, error) {
	var changed []Item
	var sources sequence
	defer sources.close()
	untouched := map[Source]bool{}
	for _, item := range items {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		sum, found := known[item.Path]
		if !found || item.Source != nil && untouched[item.Source] {
			continue
		}
		if !item.touched(since) {
			if item.Source != nil {
				untouched[item.Source] = true // so that it is not asked for every picture
			}
			continue
		}
		now, err := sumOf(ctx, &sources, item)
		if ofStore(err) != nil {
			return nil, err
		}
		if err == nil && now != sum {
			changed = append(changed, item)
		}
	}
	return changed, context.Cause(ctx)
}

// sumOf is the hex SHA-256 of a picture's bytes.
func sumOf(ctx context.Context, sources *sequence, item Item) (string, error) {
	sum := func(data []byte) string {
		now := sha256.Sum256(data)
		return hex.EncodeToString(now[:])
	}
	if item.Source == nil {
		data, err := item.read(ctx)
		return sum(data), err
	}
	var now string
	err := sources.read(ctx, item, func(content io.Reader, size int64) error {
		data, err := readContent(content, size)
		now = sum(data)
		return err
	})
	return now, err
}

// touched says whether the item's file was written to, renamed or linked after a time.
func (i Item) touched(since time.Time) bool {
	if i.stored != nil {
		return i.stored.file.Modified.After(since)
	}
	info, err := os.Stat(i.File)
	if err != nil {
		return false
	}
	if info.ModTime().After(since) {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && time.Unix(stat.Ctim.Unix()).After(since)
}
