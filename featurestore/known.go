package featurestore

import (
	"iter"
	"slices"
)

// Known is what a resumed dataset knows about an image.
type Known struct {
	// Failed reports whether it is a failure instead of a row.
	Failed bool
	// SHA256 is the hash of the image's file, zero if it could not be read.
	SHA256 [sumSize]byte
	// Seen is Row.Seen.
	Seen [seenSize]byte
}

// knownRow is the part of Known that differs among rows.
type knownRow struct {
	sum  [sumSize]byte
	seen [seenSize]byte
}

// Known returns what earlier runs recorded about an image. It is valid after resuming, until the
// first Append.
func (w *Writer) Known(path string) (Known, bool) {
	if at, ok := w.failureAt[path]; ok {
		f := w.failures[at]
		return Known{Failed: true, SHA256: parseSum(f.SHA256), Seen: f.Seen}, true
	}
	row, ok := w.rowPaths[path]
	if !ok || row >= len(w.known) {
		return Known{}, false
	}
	return Known{SHA256: w.known[row].sum, Seen: w.known[row].seen}, true
}

// KnownRows visits the rows of earlier runs, by their paths. It is valid as Known is.
func (w *Writer) KnownRows() iter.Seq2[string, Known] {
	return func(visit func(string, Known) bool) {
		for path, row := range w.rowPaths {
			if row < len(w.known) && !visit(path, Known{SHA256: w.known[row].sum, Seen: w.known[row].seen}) {
				return
			}
		}
	}
}

// Remember records what identifies images from now on, by their paths. It must be called before the
// first Append.
func (w *Writer) Remember(seen iter.Seq2[string, [seenSize]byte]) error {
	if w.err != nil {
		return w.fail(w.err)
	}
	shards := map[int]bool{}
	for path, s := range seen {
		if at, ok := w.failureAt[path]; ok {
			w.failures[at].Seen, w.unsaved = s, true
		} else if row, ok := w.rowPaths[path]; ok && row < len(w.known) {
			w.known[row].seen = s
			shards[row/w.config.sizes.shard] = true
		}
	}
	all := w.manifest.Shards
	if w.pending != nil {
		all = append(slices.Clone(all), *w.pending)
	}
	for i := range shards {
		var records []byte
		first := i * w.config.sizes.shard
		for _, k := range w.known[first : first+all[i].Rows] {
			records = append(records, k.seen[:]...)
		}
		if err := writeSeen(w.config.dir, all[i].File, all[i].SHA256, records); err != nil {
			return w.fail(err)
		}
	}
	return nil
}

// Forget drops failures of earlier runs, so that their paths are no longer in Done and can become rows
// or failures again, the latter in their old positions. It ignores all other paths.
func (w *Writer) Forget(paths map[string]bool) {
	for path := range paths {
		if _, ok := w.failureAt[path]; ok {
			w.forgotten[path], w.unsaved = true, true
		}
	}
}

// AllFailures returns the failures so far, including those of earlier runs.
func (w *Writer) AllFailures() []Failure {
	return slices.DeleteFunc(slices.Clone(w.failures), func(f Failure) bool { return w.forgotten[f.Path] })
}
