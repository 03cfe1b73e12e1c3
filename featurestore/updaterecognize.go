package featurestore

import (
	"errors"
	"fmt"
	"os"
)

// Recognize records what the rows and failures are read from, by their indices, without changing the dataset.
func (u *Update) Recognize(rows, failures map[int][seenSize]byte) error {
	if u.lock == nil {
		return fmt.Errorf("featurestore: update: %w", ErrClosed)
	}
	if u.before.layout == layoutFormer { // which has no place for that
		return nil
	}
	err := os.MkdirAll(inDir(u.before.root, tempDir), 0o755)
	err = errors.Join(err, u.recognizeRows(rows), u.recognizeFailures(failures), os.RemoveAll(inDir(u.before.root, tempDir)))
	if err != nil {
		return fmt.Errorf("featurestore: update: %w", err)
	}
	return nil
}

func (u *Update) recognizeRows(rows map[int][seenSize]byte) error {
	first := 0
	for _, s := range u.before.manifest.Shards {
		changed := false
		for i := first; i < first+s.Rows; i++ {
			if seen, ok := rows[i]; ok && seen != u.seen[i] {
				u.seen[i], changed = seen, true
			}
		}
		if changed && s.SHA256 != "" {
			if err := writeSeen(u.before.root, s.File, s.SHA256, seenBytes(u.seen[first:first+s.Rows])); err != nil {
				return err
			}
		}
		first += s.Rows
	}
	return nil
}

func (u *Update) recognizeFailures(failures map[int][seenSize]byte) error {
	changed := false
	for i, seen := range failures {
		changed = changed || seen != u.failures[i].Seen
		u.failures[i].Seen = seen
	}
	if sum := u.before.manifest.FailuresFile; changed && sum != nil {
		return writeSeenFailures(u.before.root, sum.SHA256, u.failures)
	}
	return nil
}

func seenBytes(seen [][seenSize]byte) []byte {
	records := make([]byte, 0, len(seen)*seenSize)
	for _, s := range seen {
		records = append(records, s[:]...)
	}
	return records
}
