package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"fovea/internal/redact"
	"fovea/internal/text"
)

// Listing is what List found.
type Listing struct {
	// Items are the images, sorted bytewise by path; those of a source are together, in the order
	// of the source.
	Items []Item
	// Failures are sources that could not be read to their end, and directories that disappeared
	// during the listing.
	Failures []Failure
	// Others are the files that do not count as images.
	Others
	// Labeled is the number of images for which their source has a label.
	Labeled int
	// Doubts are messages about labels that are probably mistakes.
	Doubts []string
}

// ErrNoPictures means that there is nothing to do.
var ErrNoPictures = errors.New("no images")

// List finds the images among arguments, each of which is a file or a directory that is searched
// recursively. A file named as an argument always counts as an image. In a directory, files count
// that have an image's extension or begin like an image; hidden files (with a leading dot) do not.
// Images in formats that are not decoded are only counted. Links to directories are followed, but
// not into a parent directory, nor, below another link, into a directory that was read before.
// Files that an opener recognizes are replaced by the images in them, whose paths begin with theirs.
//
// labels sets the labels; nil sets none. No image at all is ErrNoPictures. Two images that would
// have the same path are an error, because a path names a row, and so is an image below two of the arguments.
func List(ctx context.Context, arguments []string, labels Labeler, openers ...Opener) (Listing, error) {
	return Finder{Openers: openers}.List(ctx, arguments, labels)
}

// Finder knows where images may be, apart from files of their own. The zero value knows no such place.
type Finder struct {
	Openers []Opener
	// Selection says which images are wanted. The others are listed, too, but need no row in a table of labels, and
	// directories of which it excludes everything need not be readable.
	Selection Selection
	// Path returns the path that a name in a list stands for; nil takes names unchanged.
	Path func(name string) (string, error)
	// Store opens the store that an argument names, and returns nil for arguments in the file system.
	Store func(ctx context.Context, argument string) (Store, error)
}

// List is like the function List, and also looks into stores. A directory that cannot be read is an
// error, because its content is unknown; so are errors of the machine, as a *StoreError.
func (f Finder) List(ctx context.Context, arguments []string, labels Labeler) (Listing, error) {
	l := lister{ctx: ctx, openers: f.Openers, selection: f.Selection}
	for _, argument := range arguments {
		inStore, err := f.inStore(&l, argument)
		if err == nil && !inStore {
			err = l.local(argument)
		}
		if err != nil {
			return Listing{}, err
		}
	}
	l.sort()
	if len(l.Items) == 0 {
		return l.Listing, fmt.Errorf("pipeline: %w in %s: %s", ErrNoPictures, strings.Join(arguments, ", "), l.hint())
	}
	slices.SortFunc(l.Items, compareItems)
	if err := l.checkOverlap(arguments); err != nil {
		return Listing{}, err
	}
	if a, b := l.samePath(); a != b {
		return Listing{}, fmt.Errorf("pipeline: %s and %s would both be stored as %q: give their common parent directory instead", l.Items[a].File, l.Items[b].File, l.Items[a].Path)
	}
	return l.labelled(labels)
}

// inStore lists what an argument names in a store, and is false if it names none.
func (f Finder) inStore(l *lister, argument string) (bool, error) {
	if f.Store == nil {
		return false, nil
	}
	store, err := f.Store(l.ctx, argument)
	if err != nil {
		return false, fmt.Errorf("pipeline: cannot open %s: %w", redact.URL(argument), err)
	}
	if store == nil {
		return false, nil
	}
	return true, l.inStore(store, argument)
}

// local lists a file or directory.
func (l *lister) local(argument string) error {
	info, err := disk.Stat(argument)
	if err != nil {
		return fmt.Errorf("pipeline: cannot open %s: %w", argument, cause(err))
	}
	if info.IsDir() {
		w := walker{lister: l, argument: argument, root: &root{info}, visited: map[[2]uint64]bool{}}
		return w.directory(argument, "")
	}
	item := Item{Path: filepath.Base(argument), File: argument, Argument: argument}
	known, err := l.source(item)
	if err != nil {
		return fmt.Errorf("pipeline: %s: %w", argument, err)
	}
	if !known {
		l.Items = append(l.Items, item)
	}
	return nil
}

// lister is a Listing in progress.
type lister struct {
	Listing
	ctx     context.Context
	openers []Opener
	// selection is Finder.Selection.
	selection Selection
}

// hint says why there may be no images.
func (l *lister) hint() string {
	switch {
	case len(l.Failures) > 0:
		return fmt.Sprintf("%s: %s", l.Failures[0].File, l.Failures[0].Reason)
	case len(l.Foreign) > 0:
		return fmt.Sprintf("there are images in formats that are not read: %s", l.Foreign[0])
	case l.Skipped > 0:
		return fmt.Sprintf("there is nothing but %s without the name or content of an image", text.Plural(l.Skipped, "file"))
	}
	return "give a directory that holds JPEG, PNG, GIF, BMP, TIFF, WebP or other images that are read"
}

// samePath finds two items with the same path. Items of sources are not sorted by path.
func (l *lister) samePath() (first, second int) {
	if !slices.ContainsFunc(l.Items, func(i Item) bool { return i.Source != nil }) {
		for i := 1; i < len(l.Items); i++ {
			if l.Items[i-1].Path == l.Items[i].Path {
				return i - 1, i
			}
		}
		return 0, 0
	}
	seen := make(map[string]int, len(l.Items))
	for i, item := range l.Items {
		if earlier, found := seen[item.Path]; found {
			return earlier, i
		}
		seen[item.Path] = i
	}
	return 0, 0
}

// labelled sets the labels; without a Labeler, not even those of sources.
func (l *lister) labelled(labels Labeler) (Listing, error) {
	demanded := labels != nil
	if labels == nil {
		labels = LabelFunc(func(Item) string { return "" })
	}
	selected := sync.OnceValue(l.selected)
	wanted := func(i int) bool { return selected()[l.Items[i].Path] }
	var err error
	switch source := labels.(type) {
	case CSVLabels:
		err = source.label(l.Items, func(i int) bool { return wanted(i) && l.Items[i].readable(l.ctx) })
	case directoryLabels:
		err = source.label(l.Items, wanted)
	default:
		err = labels.Label(l.Items)
	}
	if err != nil {
		return l.Listing, err
	}
	items := l.selection.Apply(l.Items)
	l.Doubts, err = checkLabels(items)
	if _, byDirectory := labels.(directoryLabels); byDirectory {
		folders := folderLabels{}
		for _, item := range items {
			folders.see(item)
		}
		l.Doubts = append(l.Doubts, folders.nested()...)
	}
	if demanded && len(items) > 0 && !slices.ContainsFunc(items, func(i Item) bool { return i.Label != "" }) {
		l.Doubts = append(l.Doubts, fmt.Sprintf("labels are asked for, and none of the %d images has one", len(items)))
	}
	return l.Listing, err
}

// selected are the paths of the images that are wanted.
func (l *lister) selected() map[string]bool {
	wanted := make(map[string]bool, len(l.Items))
	for _, item := range l.selection.Apply(l.Items) {
		wanted[item.Path] = true
	}
	return wanted
}

// cause strips the operation and the path, which the caller adds. A StoreError stays one.
func cause(err error) error {
	var path *fs.PathError
	if ofStore(err) == nil && errors.As(err, &path) {
		return path.Err
	}
	return err
}
