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

// walker lists the images below one argument.
type walker struct {
	*lister
	argument string
	root     *root
	// parents are the directories from the argument down to the one being read: following a link
	// back to one of them would never end.
	parents []fs.FileInfo
	// visited are all directories that were read, and links is the number of links on the way to
	// the one being read. From the second link on, no directory is read again: a few directories
	// that link to one another have more paths than can be walked.
	visited map[[2]uint64]bool
	links   int
}

// visit records that a directory is being read and reports whether it was read before.
func (w *walker) visit(info fs.FileInfo) (before bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	key := [2]uint64{uint64(stat.Dev), stat.Ino} // Dev has another type on other systems
	before = w.visited[key]
	w.visited[key] = true
	return before
}

// directory lists dir; prefix is its path below the argument.
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
	case failure != nil && prefix != "" && matchesAllIn(w.selection.Exclude, prefix): // nothing in it is wanted
		w.Skipped++
		return nil
	case failure != nil:
		return fmt.Errorf("pipeline: the content of %s is unknown: %w", dir, failure)
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
		if err != nil {
			return w.brokenLink(file, path, err)
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

// brokenLink is for a link without a target: one that is named like an image is a missing image. Where the target cannot be
// known, which may be a whole directory, it is an error, unless nothing there is wanted.
func (w *walker) brokenLink(file, path string, err error) error {
	if (!isOwn(err) || errors.Is(err, fs.ErrPermission)) && !matches(w.selection.Exclude, path) && !matchesAllIn(w.selection.Exclude, path) {
		return fmt.Errorf("pipeline: the target of the link %s is unknown: %w", file, machineError("read", file, err))
	}
	if hasPictureExtension(file) {
		w.add(file, path)
	} else {
		w.Skipped++
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
