package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Selection chooses among the listed images. The zero value chooses all. The criteria apply in the
// order of the fields.
type Selection struct {
	// Include and Exclude are patterns of paths: * and ? match within a directory, ** any number
	// of directories, {a,b} either. A pattern without a slash matches file names. An image must
	// match one of Include, if there are any, and none of Exclude.
	Include, Exclude []string
	// Part chooses one of Parts parts of about equal size, 0 to Parts-1, to divide the work among
	// machines. It depends only on the image's path. Parts 0 chooses all.
	Part, Parts int
	// Sample is the number of images to choose by Seed (see the function Sample); 0 chooses all.
	Sample int
	Seed   uint64
	// Limit chooses the first images by path; 0 chooses all.
	Limit int
}

// Validate reports values that cannot be applied.
func (s Selection) Validate() error {
	for _, pattern := range slices.Concat(s.Include, s.Exclude) {
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("pipeline: bad pattern %q: use *, ?, ** and {a,b}, and close every bracket", pattern)
		}
	}
	switch {
	case s.Parts < 0 || s.Part < 0 || s.Part >= max(s.Parts, 1):
		return fmt.Errorf("pipeline: part %d of %d: parts count from 0", s.Part, s.Parts)
	case s.Sample < 0:
		return fmt.Errorf("pipeline: a sample of %d images: give a positive number", s.Sample)
	case s.Limit < 0:
		return fmt.Errorf("pipeline: a limit of %d images: give a positive number", s.Limit)
	}
	return nil
}

// Apply returns the chosen items, in their order, which may be items itself. The selection must be valid.
func (s Selection) Apply(items []Item) []Item {
	wanted := items // of which millions need no copy where nothing is left out
	if len(s.Include) > 0 || len(s.Exclude) > 0 || s.Parts > 1 {
		wanted = nil
		for _, item := range items {
			if (len(s.Include) == 0 || item.matches(s.Include)) && !item.matches(s.Exclude) && s.hasPart(item.Path) {
				wanted = append(wanted, item)
			}
		}
	}
	wanted = Sample(wanted, s.Sample, s.Seed)
	if s.Limit > 0 && len(wanted) > s.Limit {
		wanted = wanted[:s.Limit:s.Limit]
	}
	return wanted
}

// matches tries the item's path, and the path without the number that was appended.
func (i Item) matches(patterns []string) bool {
	return matches(patterns, i.Path) || i.number > 0 && matches(patterns, i.name())
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if !strings.Contains(pattern, "/") {
			return doublestar.MatchUnvalidated(pattern, path.Base(name))
		}
		return doublestar.MatchUnvalidated(strings.TrimPrefix(pattern, "/"), name)
	})
}

// matchesAllIn reports whether a pattern matches everything that may be below a directory.
func matchesAllIn(patterns []string, dir string) bool {
	const anyName = "\x00" // no file has this name, so only * matches it
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return (pattern == "**" || strings.HasSuffix(pattern, "/**")) && matches([]string{pattern}, dir+"/"+anyName)
	})
}

func (s Selection) hasPart(name string) bool {
	if s.Parts <= 1 {
		return true
	}
	return int(PartNumber(name)%uint64(s.Parts)) == s.Part
}

// PartNumber is the number that decides which part of a Selection a path is in: its remainder by the number of parts.
func PartNumber(path string) uint64 {
	sum := sha256.Sum256([]byte(path))
	return binary.BigEndian.Uint64(sum[:8])
}

// maxPathsBytes bounds a list of paths; ten million paths take about 1 GB.
const maxPathsBytes = 1 << 30

// ListPaths lists the images named in a list of files, one per line, or each followed by a zero
// byte (find -print0), which names with line breaks need. Their paths are those in the list,
// without a leading slash. A missing file becomes a failure when it is read.
//
// labels sets the labels; nil sets none. An empty list is ErrNoPictures, a file listed twice counts
// once. Two files that would have the same path are an error, because a path names a row.
func (f Finder) ListPaths(ctx context.Context, list io.Reader, labels Labeler) (Listing, error) {
	files, err := f.readPaths(list)
	if err != nil {
		return Listing{}, err
	}
	l := lister{ctx: ctx, openers: f.Openers, selection: f.Selection}
	for _, item := range files {
		known, err := l.source(item)
		switch {
		case errors.Is(err, ErrNoPictures):
			l.fail(item, err)
		case err != nil:
			return Listing{}, err
		case !known:
			l.Items = append(l.Items, item)
		}
	}
	l.sort()
	if len(l.Items) == 0 {
		return l.Listing, fmt.Errorf("pipeline: %w in the files of the list: %s", ErrNoPictures, l.hint())
	}
	slices.SortFunc(l.Items, compareItems)
	if a, b := l.samePath(); a != b {
		return Listing{}, fmt.Errorf("pipeline: the list names %q twice, as a file and in %s: take one of them out", l.Items[a].Path, l.Items[b].File)
	}
	if err := context.Cause(ctx); err != nil {
		return l.Listing, err
	}
	return l.labelled(labels)
}

// readPaths reads a list of files.
func (f Finder) readPaths(list io.Reader) ([]Item, error) {
	data, err := io.ReadAll(io.LimitReader(list, maxPathsBytes+1))
	if err != nil {
		return nil, fmt.Errorf("pipeline: read the list of files: %w", err)
	}
	if len(data) > maxPathsBytes {
		return nil, fmt.Errorf("pipeline: the list of files has more than %d bytes: give it in parts", maxPathsBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // which some editors write
	separator := "\n"
	if bytes.IndexByte(data, 0) >= 0 {
		separator = "\x00"
	}
	var items []Item
	for file := range strings.SplitSeq(string(data), separator) {
		if separator == "\n" {
			file = strings.TrimSuffix(file, "\r")
		}
		if file == "" {
			continue
		}
		if f.Path != nil {
			if file, err = f.Path(file); err != nil {
				return nil, fmt.Errorf("pipeline: the list of files: %w", err)
			}
		}
		name := strings.TrimPrefix(filepath.ToSlash(filepath.Clean(file)), "/")
		items = append(items, Item{Path: name, File: file, Argument: file})
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("pipeline: %w: the list of files is empty", ErrNoPictures)
	}
	slices.SortStableFunc(items, compareItems)
	return onceEach(items)
}

// onceEach removes files that occur before in a sorted list.
func onceEach(items []Item) ([]Item, error) {
	once := items[:1]
	for _, item := range items[1:] {
		last := once[len(once)-1]
		switch {
		case item.Path != last.Path:
			once = append(once, item)
		case !samePlace(item.File, last.File):
			return nil, fmt.Errorf("pipeline: the list names %s and %s, which would both be stored as %q: write both with a slash before them, or both without, or leave one out", last.File, item.File, item.Path)
		}
	}
	return once, nil
}

// samePlace reports whether two names are of the same file, as far as names can tell.
func samePlace(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	absoluteA, errA := filepath.Abs(a)
	absoluteB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absoluteA == absoluteB
}
