package crashtest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// player makes a history of calls.
type player struct {
	*History
	cwd  string
	open map[int]*descriptor // by number; those outside the directory are not in it
	at   int                 // the place of the call
}

// descriptor is an open file.
type descriptor struct {
	node     *node
	path     string // when it was opened
	position int64
	append   bool
}

const (
	atCwd = "AT_FDCWD"
	// callStart is no call: a program begins, in some directory, with no files open.
	callStart = "start"
)

func (p *player) note(o op) {
	o.call = p.at
	p.ops = append(p.ops, o)
}

func (p *player) play(at int, c call) error {
	p.at = at
	switch c.name {
	case callStart:
		p.open, p.cwd = map[int]*descriptor{}, c.arg(0)
		return nil
	case "open", "creat", "openat", "openat2", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir",
		"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "truncate":
		return p.playPath(c)
	case "chdir", "fchdir":
		return errors.New("the program has changed its directory, which is not modelled")
	case "sync", "syncfs":
		p.note(op{kind: opSync, text: c.name, began: c.began})
		return nil
	}
	if c.name == "write" && c.number(0) == 1 {
		return p.playMark(c.arg(1))
	}
	return p.playDescriptor(c)
}

// playMark notes a mark of this directory.
func (p *player) playMark(text string) error {
	quoted, found := strings.CutPrefix(text, markPrefix)
	if !found {
		return nil
	}
	var dir, name string
	if _, err := fmt.Sscanf(quoted, "%q %q\n", &dir, &name); err != nil {
		return fmt.Errorf("the mark %q: %w", text, err)
	}
	if dir == filepath.Base(p.dir) {
		p.note(op{kind: opMark, text: "mark " + name, mark: name})
	}
	return nil
}

// playDescriptor plays what is done to an open file.
func (p *player) playDescriptor(c call) error {
	number := c.number(0)
	if c.name == "mmap" {
		number = c.number(4)
	}
	d := p.open[number]
	if d == nil {
		return nil
	}
	switch c.name {
	case "close":
		delete(p.open, number)
	case "dup", "dup2", "dup3":
		p.open[c.result] = d
	case "fcntl":
		if strings.HasPrefix(c.arg(1), "F_DUPFD") {
			p.open[c.result] = d
		}
	case "lseek":
		d.position = int64(c.result)
	case "write":
		p.writeOn(d, c.arg(1)[:c.result])
	case "pwrite64":
		p.write(d, int64(c.number(3)), c.arg(1)[:c.result])
	case "ftruncate":
		p.cut(d.node, d.path, int64(c.number(1)))
	case "fsync", "fdatasync":
		p.note(op{kind: opSync, text: c.name + " " + d.path, node: d.node, began: c.began})
	case "mmap":
		if !c.has(2, "PROT_WRITE") || !c.has(3, "MAP_SHARED") {
			return nil
		}
		fallthrough
	default:
		return fmt.Errorf("%s of %s is not modelled", c.name, d.path)
	}
	return nil
}

// writeOn writes at the file's position and moves that.
func (p *player) writeOn(d *descriptor, data string) {
	if d.append {
		d.position = d.node.size
	}
	p.write(d, d.position, data)
	d.position += int64(len(data))
}

func (p *player) write(d *descriptor, offset int64, data string) {
	if data == "" {
		return
	}
	d.node.size = max(d.node.size, offset+int64(len(data)))
	d.node.changes = append(d.node.changes, len(p.ops))
	p.note(op{kind: opContent, text: fmt.Sprintf("write %d bytes at %d to %s", len(data), offset, d.path), node: d.node, offset: offset, data: []byte(data)})
}

func (p *player) cut(n *node, path string, size int64) {
	n.size = size
	n.changes = append(n.changes, len(p.ops))
	p.note(op{kind: opContent, text: fmt.Sprintf("truncate %s to %d bytes", path, size), node: n, offset: size})
}

// place is where a path leads: the name in a directory of ours. The directory is nil for a path
// outside; the name is "" for the root.
type place struct {
	dir  *node
	name string
	path string
}

func (l place) node() *node {
	switch {
	case l.dir == nil:
		return nil
	case l.name == "":
		return l.dir
	}
	return l.dir.names[l.name]
}

// find follows a path from an open directory.
func (p *player) find(from, path string) (place, error) {
	start, prefix := p.root, ""
	if !filepath.IsAbs(path) && from != atCwd {
		number, err := strconv.Atoi(from)
		if err != nil {
			return place{}, err
		}
		d := p.open[number]
		if d == nil {
			return place{}, nil
		}
		start, prefix = d.node, d.path
	} else {
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.cwd, path)
		}
		relative, err := filepath.Rel(p.dir, path)
		if err != nil {
			return place{}, err
		}
		if relative == ".." || strings.HasPrefix(relative, "../") {
			return place{}, nil
		}
		path = relative
	}
	if path = filepath.Clean(path); path == "." {
		return place{dir: start, path: prefix}, nil
	}
	whole := filepath.Join(prefix, path)
	parents, name := filepath.Split(path)
	for part := range strings.SplitSeq(strings.Trim(parents, "/"), "/") {
		if part == "" {
			continue
		}
		if start = start.names[part]; start == nil || !start.isDir {
			return place{}, fmt.Errorf("%s was used, but %q on its way was never made", whole, part)
		}
	}
	return place{dir: start, name: name, path: whole}, nil
}
