package crashtest

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// walker finds what is in a directory.
type walker struct {
	*power
	alike func(string) bool
	seed  maphash.Seed
	// names are each directory's in order.
	names map[*node][]string
	// now are the nodes of all slots, choices those of all operations.
	now      []*node
	choices  []choice
	contents map[string]*content
	files    []file
	hash     maphash.Hash
}

func newWalker(p *power, alike func(string) bool) *walker {
	w := &walker{power: p, alike: alike, names: map[*node][]string{}, now: make([]*node, len(p.slots)),
		choices: make([]choice, len(p.ops)), contents: map[string]*content{}}
	for _, s := range p.slots {
		if _, ok := w.names[s.dir]; !ok {
			w.names[s.dir] = slices.Sorted(maps.Keys(s.dir.slots))
		}
	}
	w.seed = w.hash.Seed()
	return w
}

// walk lists the files of a state, and gives a sum of them.
func (w *walker) walk(choices []choice) ([]file, uint64) {
	clear(w.now)
	clear(w.choices)
	w.files = nil
	w.hash.Reset()
	next := 0
	for i := range w.ops[:w.done] {
		if w.written[i] {
			w.choices[i] = applied
		}
		for _, e := range w.settled[i] {
			w.now[e.slot] = e.node
		}
		if next < len(w.pending) && w.pending[next].op == i {
			w.choices[i] = choices[next]
			if choices[next] == applied {
				for _, e := range w.pending[next].entries {
					w.now[e.slot] = e.node
				}
			}
			next++
		}
	}
	w.list(w.root, "")
	return w.files, w.hash.Sum64()
}

// list adds what is in a directory.
func (w *walker) list(dir *node, prefix string) {
	for _, name := range w.names[dir] {
		n := w.now[dir.slots[name]]
		if n == nil || strings.Count(prefix, "/") > maxDepth {
			continue
		}
		path := prefix + name
		f := file{path: path}
		if !n.isDir {
			f.content = w.contentOf(n)
		}
		w.files = append(w.files, f)
		if w.alike == nil || !w.alike(path) {
			_, _ = w.hash.WriteString(path)
			_ = w.hash.WriteByte(0)
			if f.content != nil {
				maphash.WriteComparable(&w.hash, f.content.sum)
			}
		}
		if n.isDir {
			w.list(n, path+"/")
		}
	}
}

// maxDepth ends the walk through a directory that has come to lie in itself.
const maxDepth = 20

// contentOf is what a file holds.
func (w *walker) contentOf(n *node) *content {
	key := make([]byte, 0, 4+len(n.changes))
	key = append(key, byte(n.id), byte(n.id>>8), byte(n.id>>16))
	for _, i := range n.changes {
		if i >= w.done {
			break
		}
		key = append(key, byte(w.choices[i]))
	}
	if c, ok := w.contents[string(key)]; ok {
		return c
	}
	var data []byte
	for _, i := range n.changes {
		if i >= w.done {
			break
		}
		data = w.ops[i].change(data, w.choices[i])
	}
	c := &content{data: data, sum: maphash.Bytes(w.seed, data)}
	w.contents[string(key)] = c
	return c
}

// change is what a file holds after a write or a cut.
func (o *op) change(data []byte, c choice) []byte {
	grow := func(size int64) {
		if more := size - int64(len(data)); more > 0 {
			data = append(data, make([]byte, more)...)
		}
	}
	whole := o.offset + int64(len(o.data))
	switch {
	case c == lost:
	case o.data == nil: // cut
		grow(o.offset)
		data = data[:o.offset]
	case c == hollow:
		grow(whole)
	case c == torn:
		half := len(o.data) / 2
		grow(o.offset + int64(half))
		copy(data[o.offset:], o.data[:half])
	default:
		grow(whole)
		copy(data[o.offset:], o.data)
	}
	return data
}
