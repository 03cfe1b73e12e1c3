package crashtest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// History is what was done below one directory, call by call.
type History struct {
	dir   string
	root  *node
	nodes int
	slots []slot
	ops   []op
}

// node is a file or a directory, whatever its names.
type node struct {
	id    int
	isDir bool
	// names are a directory's, as the program sees them; slots all that it ever has.
	names map[string]*node
	slots map[string]int
	// size is a file's, as the program sees it.
	size int64
	// changes are the operations on a file's content.
	changes []int
}

// slot is a place for a name in a directory.
type slot struct {
	dir  *node
	name string
}

type kind int

const (
	opNames   kind = iota // names get other nodes
	opContent             // a file is written to or cut
	opSync                // a node is put on disk
	opMark
)

type op struct {
	kind kind
	// text describes it.
	text string
	// call is the place of its call; a sync covers what comes before the call that is its began.
	call, began int

	// entries are set in one step, that of a rename's new name first. If they are joint, whichever
	// directory is put on disk takes the other one along.
	entries []entry
	joint   bool

	// node is the one that is written or synced; nil if everything is synced.
	node *node
	// data is written at the offset. Without any, the file gets the size offset.
	offset int64
	data   []byte

	mark string
}

type entry struct {
	slot int
	node *node // nil: no name any more
}

// History is what happened in the directory of that name below Dir, which must have been there and
// empty when the recording began.
func (r *Recording) History(name string) (*History, error) {
	h := &History{dir: filepath.Join(r.dir, name)}
	h.root = h.newNode(true)
	p := &player{History: h}
	for i, c := range r.calls {
		if err := p.play(i, c); err != nil {
			return nil, fmt.Errorf("history of %s: %w", name, err)
		}
	}
	return h, nil
}

func (h *History) newNode(isDir bool) *node {
	n := &node{id: h.nodes, isDir: isDir}
	if isDir {
		n.names, n.slots = map[string]*node{}, map[string]int{}
	}
	h.nodes++
	return n
}

// slot is the place of a name.
func (h *History) slot(dir *node, name string) int {
	i, ok := dir.slots[name]
	if !ok {
		i = len(h.slots)
		dir.slots[name] = i
		h.slots = append(h.slots, slot{dir, name})
	}
	return i
}

// set notes that a name belongs to another node, or to none.
func (h *History) set(dir *node, name string, n *node) entry {
	if n == nil {
		delete(dir.names, name)
	} else {
		dir.names[name] = n
	}
	return entry{h.slot(dir, name), n}
}

// Complete compares what the history says is there in the end with the directory itself. A
// recording that has missed something is worth nothing.
func (h *History) Complete() error {
	p := newPower(h)
	for p.done < len(h.ops) {
		p.step()
	}
	files, _ := newWalker(p, nil).walk(p.all(applied))
	var seen []string
	for _, f := range files {
		seen = append(seen, f.path)
		if f.content == nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join(h.dir, f.path))
		if err != nil {
			return err
		}
		if !bytes.Equal(data, f.content.data) {
			return fmt.Errorf("%s holds %d bytes, but others were recorded, %d", f.path, len(data), len(f.content.data))
		}
	}
	return filepath.WalkDir(h.dir, func(path string, _ fs.DirEntry, err error) error {
		relative := strings.TrimPrefix(strings.TrimPrefix(path, h.dir), "/")
		if err == nil && relative != "" && !slices.Contains(seen, relative) {
			err = fmt.Errorf("%s is there, but was not recorded", relative)
		}
		return err
	})
}
