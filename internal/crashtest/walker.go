package crashtest

import (
	"hash/maphash"
	"maps"
	"slices"
)

// walker finds what is in a directory.
type walker struct {
	*power
	alike func(string) bool
	seed  maphash.Seed
	// entries are each directory's slots, in the order of their names.
	entries map[*node][]int
	top     *spot
	// before is what all slots hold by the operations before the first one that is not on disk, which are
	// passed in number: most states of a moment have them in common.
	before []*node
	passed int
	// now are the nodes of all slots, choices those of all operations.
	now      []*node
	choices  []choice
	contents map[string]*content
	// sum is that of what was walked; files are it, if list is set.
	sum   uint64
	list  bool
	files []file
}

// spot is a path that was walked to, and the names below it.
type spot struct {
	path  string
	depth int
	// sum is that of the path, unless it is one of those that do not count.
	sum    uint64
	counts bool
	below  map[string]*spot
}

func newWalker(p *power, alike func(string) bool) *walker {
	w := &walker{power: p, alike: alike, seed: maphash.MakeSeed(), entries: map[*node][]int{}, top: &spot{below: map[string]*spot{}},
		before: make([]*node, len(p.slots)), now: make([]*node, len(p.slots)), choices: make([]choice, len(p.ops)), contents: map[string]*content{}}
	for _, s := range p.slots {
		if _, ok := w.entries[s.dir]; !ok {
			for _, name := range slices.Sorted(maps.Keys(s.dir.slots)) {
				w.entries[s.dir] = append(w.entries[s.dir], s.dir.slots[name])
			}
		}
	}
	return w
}

// walk lists the files of a state, and gives a sum of them.
func (w *walker) walk(choices []choice) ([]file, uint64) {
	w.list, w.files = true, nil
	sum := w.sumOf(choices)
	w.list = false
	return w.files, sum
}

// sumOf gives a sum of the files of a state.
func (w *walker) sumOf(choices []choice) uint64 {
	first := w.done
	if len(w.pending) > 0 {
		first = w.pending[0].op
	}
	for ; w.passed < first; w.passed++ {
		w.settle(w.passed, w.before)
	}
	copy(w.now, w.before)
	next := 0
	for i := first; i < w.done; i++ {
		w.settle(i, w.now)
		if next < len(w.pending) && w.pending[next].op == i {
			w.choices[i] = choices[next]
			if choices[next] == applied {
				arrange(w.now, w.pending[next].entries)
			}
			next++
		}
	}
	w.sum = 0
	w.walkDir(w.root, w.top)
	return w.sum
}

// settle does as much of an operation as is on disk.
func (w *walker) settle(i int, nodes []*node) {
	w.choices[i] = lost
	if w.written[i] {
		w.choices[i] = applied
	}
	arrange(nodes, w.settled[i])
}

func arrange(nodes []*node, entries []entry) {
	for _, e := range entries {
		nodes[e.slot] = e.node
	}
}

// walkDir adds what is in a directory.
func (w *walker) walkDir(dir *node, at *spot) {
	if at.depth > maxDepth {
		return
	}
	for _, slot := range w.entries[dir] {
		n := w.now[slot]
		if n == nil {
			continue
		}
		s := w.below(at, w.slots[slot].name)
		f := file{path: s.path}
		if !n.isDir {
			f.content = w.contentOf(n)
		}
		if w.list {
			w.files = append(w.files, f)
		}
		if s.counts {
			w.add(s.sum)
			if f.content != nil {
				w.add(f.content.sum)
			}
		}
		if n.isDir {
			w.walkDir(n, s)
		}
	}
}

// add mixes one more sum in, after which their order matters.
func (w *walker) add(sum uint64) {
	const odd = 0x9e3779b97f4a7c15
	w.sum = (w.sum ^ sum) * odd
}

// below finds a name below a path.
func (w *walker) below(at *spot, name string) *spot {
	s, ok := at.below[name]
	if !ok {
		s = &spot{path: name, depth: at.depth + 1, below: map[string]*spot{}}
		if at != w.top {
			s.path = at.path + "/" + name
		}
		s.sum, s.counts = maphash.String(w.seed, s.path), w.alike == nil || !w.alike(s.path)
		at.below[name] = s
	}
	return s
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
