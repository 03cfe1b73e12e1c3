package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"
)

// Changed are the items whose files are others than those that had the SHA-256 known for their
// paths. Only files that were changed, or put in their place, after since are read to tell;
// those that cannot be read have not changed.
func Changed(ctx context.Context, items []Item, known map[string]string, since time.Time) ([]Item, error) {
	var changed []Item
	for _, item := range items {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		sum, found := known[item.Path]
		// Another name is that of an archive, say, which holds the picture.
		if !found || filepath.Base(item.File) != path.Base(item.Path) || !touched(item.File, since) {
			continue
		}
		data, err := readFile(item.File)
		if err != nil {
			continue
		}
		if now := sha256.Sum256(data); hex.EncodeToString(now[:]) != sum {
			changed = append(changed, item)
		}
	}
	return changed, nil
}

// touched says whether a file was written to, renamed or linked after a time.
func touched(file string, since time.Time) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	if info.ModTime().After(since) {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && time.Unix(stat.Ctim.Unix()).After(since)
}
