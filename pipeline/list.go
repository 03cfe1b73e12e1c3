package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Listing is what List found.
type Listing struct {
	// Items are the pictures, sorted by path, bytewise.
	Items []Item
	// Failures are directories that could not be read.
	Failures []Failure
	// Skipped is the number of files that are no pictures by name and by content.
	Skipped int
}

// ErrNoPictures says that there is nothing to do.
var ErrNoPictures = errors.New("no pictures")

// pictureExtensions are the names under which pictures are looked for without opening
// them. Formats that cannot be decoded are among them, so that they are reported rather
// than passed over.
var pictureExtensions = map[string]bool{
	".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".png": true, ".gif": true,
	".bmp": true, ".tif": true, ".tiff": true, ".webp": true,
	".heic": true, ".heif": true, ".avif": true, ".jp2": true, ".jxl": true,
	".cr2": true, ".cr3": true, ".nef": true, ".arw": true, ".dng": true,
}

// signatures open the formats that a file without such a name may hold.
var signatures = []string{"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "GIF87a", "GIF89a", "BM", "II*\x00", "MM\x00*", "RIFF"}

// List finds the pictures among arguments, each of which is a file or a directory that is
// searched with all below it. A file named as an argument is taken for a picture in any
// case. In a directory, files count that have a picture's extension or begin like one;
// hidden ones (with a leading dot) do not. Links to directories are followed once.
//
// Labels are set by labels, nil for none. No picture at all is ErrNoPictures; two pictures
// that would have the same path are an error, because a path names a row.
func List(ctx context.Context, arguments []string, labels Labeler) (Listing, error) {
	var listing Listing
	for _, argument := range arguments {
		info, err := os.Stat(argument)
		if err != nil {
			return Listing{}, fmt.Errorf("pipeline: cannot open %s: %w", argument, cause(err))
		}
		if !info.IsDir() {
			listing.Items = append(listing.Items, Item{Path: filepath.Base(argument), File: argument, Argument: argument})
			continue
		}
		w := walker{ctx: ctx, argument: argument, listing: &listing}
		if err := w.directory(argument, ""); err != nil {
			return Listing{}, err
		}
	}
	if len(listing.Items) == 0 {
		hint := "give a directory that holds JPEG or PNG files"
		if len(listing.Failures) > 0 {
			hint = fmt.Sprintf("%s: %s", listing.Failures[0].File, listing.Failures[0].Reason)
		} else if listing.Skipped > 0 {
			hint = fmt.Sprintf("%d files are there, none of a picture's name or content", listing.Skipped)
		}
		return listing, fmt.Errorf("pipeline: %w in %s: %s", ErrNoPictures, strings.Join(arguments, ", "), hint)
	}
	slices.SortFunc(listing.Items, func(a, b Item) int { return cmp.Compare(a.Path, b.Path) })
	for i := 1; i < len(listing.Items); i++ {
		if a, b := listing.Items[i-1], listing.Items[i]; a.Path == b.Path {
			return Listing{}, fmt.Errorf("pipeline: %s and %s would both be stored as %q: give their common parent directory instead", a.File, b.File, a.Path)
		}
	}
	if labels == nil {
		return listing, nil
	}
	return listing, labels.Label(listing.Items)
}

// cause strips the operation and path that the caller says better.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

type walker struct {
	ctx      context.Context
	argument string
	listing  *Listing
	// parents are the directories from the argument down to the one being read: a link
	// back to one of them would lead round for ever.
	parents []fs.FileInfo
}

// directory lists what lies in dir; prefix is its path below the argument.
func (w *walker) directory(dir, prefix string) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && slices.ContainsFunc(w.parents, func(p fs.FileInfo) bool { return os.SameFile(p, info) }) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if prefix == "" {
			return fmt.Errorf("pipeline: cannot list %s: %w", dir, cause(err))
		}
		w.fail(dir, prefix, err)
		return nil
	}
	w.parents = append(w.parents, info)
	defer func() { w.parents = w.parents[:len(w.parents)-1] }()
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if err := w.entry(filepath.Join(dir, entry.Name()), joinSlash(prefix, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) entry(file, path string, entry fs.DirEntry) error {
	mode := entry.Type()
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(file)
		if err != nil { // a broken link; with a picture's name it is a picture that is gone
			if pictureExtensions[strings.ToLower(filepath.Ext(file))] {
				w.add(file, path)
			} else {
				w.listing.Skipped++
			}
			return nil
		}
		mode = info.Mode().Type()
	}
	switch {
	case mode.IsDir():
		return w.directory(file, path)
	case mode.IsRegular() && isPicture(file):
		w.add(file, path)
	default:
		w.listing.Skipped++
	}
	return nil
}

func (w *walker) add(file, path string) {
	w.listing.Items = append(w.listing.Items, Item{Path: path, File: file, Argument: w.argument})
}

func (w *walker) fail(file, path string, err error) {
	w.listing.Failures = append(w.listing.Failures, Failure{
		Item:   Item{Path: path, File: file, Argument: w.argument},
		Stage:  StageList,
		Reason: cause(err).Error(),
	})
}

func isPicture(file string) bool {
	if pictureExtensions[strings.ToLower(filepath.Ext(file))] {
		return true
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // opened for reading
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head)
	return slices.ContainsFunc(signatures, func(s string) bool { return bytes.HasPrefix(head[:n], []byte(s)) })
}

func joinSlash(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "/" + name
}
