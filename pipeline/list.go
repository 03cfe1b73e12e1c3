package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Listing is what List found.
type Listing struct {
	// Items are the pictures, sorted by path, bytewise; those of a source stand together, in
	// their order in it.
	Items []Item
	// Failures are sources that could not be read, or not to their end, and directories that went
	// away while they were listed.
	Failures []Failure
	// Others are the files that are not taken for pictures.
	Others
	// Labeled is the number of pictures for which their source has a label.
	Labeled int
	// Doubts are what about the labels is probably not meant, for people.
	Doubts []string
}

// ErrNoPictures says that there is nothing to do.
var ErrNoPictures = errors.New("no images")

// List finds the pictures among arguments, each of which is a file or a directory that is
// searched with all below it. A file named as an argument is taken for a picture in any
// case. In a directory, files count that have a picture's extension or begin like one;
// hidden ones (with a leading dot) do not. Pictures of kinds that are not decoded are counted. Links to directories are followed, but not back into
// one on the way there, nor behind another link into one that was read before. Files
// that one of openers knows stand for the pictures in them, whose paths begin with theirs.
//
// Labels are set by labels, nil for none. No picture at all is ErrNoPictures; two pictures
// that would have the same path are an error, because a path names a row.
func List(ctx context.Context, arguments []string, labels Labeler, openers ...Opener) (Listing, error) {
	return Finder{Openers: openers}.List(ctx, arguments, labels)
}

// Finder knows where pictures may be besides files of their own. The zero value knows nothing.
type Finder struct {
	Openers []Opener
	// Exclude are patterns, as Selection's, of directories that need not be readable.
	Exclude []string
	// Path is the path that a name in a list means; nil takes names as they are.
	Path func(name string) (string, error)
	// Store opens the store that an argument names; nil is for those in the file system.
	Store func(ctx context.Context, argument string) (Store, error)
}

// List is as the function, and looks into stores, too. What is in a directory that cannot be read is
// unknown, so that it is an error, as are those of the machine: a *StoreError.
func (f Finder) List(ctx context.Context, arguments []string, labels Labeler) (Listing, error) {
	l := lister{ctx: ctx, openers: f.Openers, exclude: f.Exclude}
	for _, argument := range arguments {
		if f.Store != nil {
			store, err := f.Store(ctx, argument)
			if err != nil {
				return Listing{}, fmt.Errorf("pipeline: cannot open %s: %w", argument, err)
			}
			if store != nil {
				if err := l.inStore(store, argument); err != nil {
					return Listing{}, err
				}
				continue
			}
		}
		info, err := disk.Stat(argument)
		if err != nil {
			return Listing{}, fmt.Errorf("pipeline: cannot open %s: %w", argument, cause(err))
		}
		if !info.IsDir() {
			item := Item{Path: filepath.Base(argument), File: argument, Argument: argument}
			if known, err := l.source(item); err != nil {
				return Listing{}, fmt.Errorf("pipeline: %s: %w", argument, err)
			} else if !known {
				l.Items = append(l.Items, item)
			}
			continue
		}
		w := walker{lister: &l, argument: argument, root: &root{info}, visited: map[[2]uint64]bool{}}
		if err := w.directory(argument, ""); err != nil {
			return Listing{}, err
		}
	}
	l.sort()
	if len(l.Items) == 0 {
		return l.Listing, fmt.Errorf("pipeline: %w in %s: %s", ErrNoPictures, strings.Join(arguments, ", "), l.hint())
	}
	slices.SortFunc(l.Items, compareItems)
	if a, b := l.samePath(); a != b {
		return Listing{}, fmt.Errorf("pipeline: %s and %s would both be stored as %q: give their common parent directory instead", l.Items[a].File, l.Items[b].File, l.Items[a].Path)
	}
	return l.labelled(labels)
}

// lister is a Listing in the making.
type lister struct {
	Listing
	ctx     context.Context
	openers []Opener
	// exclude is Finder.Exclude.
	exclude []string
}

// hint says why there may be no picture.
func (l *lister) hint() string {
	switch {
	case len(l.Failures) > 0:
		return fmt.Sprintf("%s: %s", l.Failures[0].File, l.Failures[0].Reason)
	case len(l.Foreign) > 0:
		return fmt.Sprintf("there are images of kinds that are not read: %s", l.Foreign[0])
	case l.Skipped > 0:
		return fmt.Sprintf("%d files are there, none of an image's name or content", l.Skipped)
	}
	return "give a directory that holds JPEG, PNG, GIF, BMP, TIFF or WebP files"
}

// samePath finds two items with one path. Those of sources are not in the order of paths.
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

// labelled sets the labels; without a Labeler also those that sources know are not wanted.
func (l *lister) labelled(labels Labeler) (Listing, error) {
	if labels == nil {
		labels = LabelFunc(func(Item) string { return "" })
	}
	if err := labels.Label(l.Items); err != nil {
		return l.Listing, err
	}
	var err error
	l.Doubts, err = checkLabels(l.Items)
	return l.Listing, err
}

// cause strips the operation and path that the caller says better. A StoreError stays one.
func cause(err error) error {
	var path *fs.PathError
	if ofStore(err) == nil && errors.As(err, &path) {
		return path.Err
	}
	return err
}

type walker struct {
	*lister
	argument string
	root     *root
	// parents are the directories from the argument down to the one being read: a link
	// back to one of them would lead round for ever.
	parents []fs.FileInfo
	// visited are all directories that were read, and links is the number of links to
	// directories on the way to the one being read. From the second link on, no directory is
	// read again: a few that are linked with one another have more paths than can be walked.
	visited map[[2]uint64]bool
	links   int
}

// visit notes that a directory is being read and says whether it was before.
func (w *walker) visit(info fs.FileInfo) (before bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	key := [2]uint64{uint64(stat.Dev), stat.Ino} //nolint:unconvert // Dev has another type elsewhere
	before = w.visited[key]
	w.visited[key] = true
	return before
}

// directory lists what lies in dir; prefix is its path below the argument.
func (w *walker) directory(dir, prefix string) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	info, err := disk.Stat(dir)
	if err == nil {
		systems.noticeDirectory(dir, info)
	}
	if err == nil && slices.ContainsFunc(w.parents, func(p fs.FileInfo) bool { return os.SameFile(p, info) }) {
		return nil
	}
	if err == nil && w.visit(info) && w.links > 1 {
		return nil
	}
	entries, err := readDir(w.ctx, dir)
	switch failure := ofStore(err); {
	case failure != nil && prefix != "" && matchesAllIn(w.exclude, prefix): // nothing in it is wanted
		w.Skipped++
		return nil
	case failure != nil:
		return fmt.Errorf("pipeline: what lies in %s is unknown: %w", dir, failure)
	case err != nil && prefix == "":
		return fmt.Errorf("pipeline: cannot list %s: %w", dir, cause(err))
	case err != nil:
		w.fail(Item{Path: prefix, File: dir, Argument: w.argument}, err)
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
		info, err := disk.Stat(file)
		if err != nil && (!isOwn(err) || errors.Is(err, fs.ErrPermission)) && !matches(w.exclude, path) && !matchesAllIn(w.exclude, path) {
			return fmt.Errorf("pipeline: what lies behind the link %s is unknown: %w", file, machineError("read", file, err))
		}
		if err != nil { // a broken link; with a picture's name it is a picture that is gone
			if hasPictureExtension(file) {
				w.add(file, path)
			} else {
				w.Skipped++
			}
			return nil
		}
		if mode = info.Mode().Type(); mode.IsDir() {
			w.links++
			defer func() { w.links-- }()
		}
	}
	switch {
	case mode.IsDir():
		return w.directory(file, path)
	case !mode.IsRegular():
		w.Skipped++
		return nil
	}
	known, err := w.source(w.item(file, path))
	switch {
	case errors.Is(err, ErrNoPictures): // a table of something else
		w.Skipped++
		return nil
	case err != nil:
		return err
	case known:
		return nil
	}
	v, err := w.item(file, path).judge(w.ctx)
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	if v.picture {
		w.add(file, path)
	} else {
		w.pass(path, v)
	}
	return nil
}

func (w *walker) add(file, path string) {
	w.Items = append(w.Items, w.item(file, path))
}

func (w *walker) item(file, path string) Item {
	return Item{Path: path, File: file, Argument: w.argument, root: w.root}
}

func joinSlash(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "/" + name
}
