package explorer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"fovea/featurestore"
	"fovea/featurestore/explore"
	"fovea/internal/budget"
	"fovea/internal/scratch"
	"fovea/recipe"
	"fovea/vectors"
)

// table is one edition of the dataset's rows. Its rows, paths and vectors do not change; labels do, which are
// kept by labels from the ones here.
type table struct {
	dataset *featurestore.Dataset
	// version names the edition to pages. It stays when only this server has written labels.
	version string
	layer   recipe.Layer
	// The rows: a row's number is its place in the dataset. Paths are raw bytes; spelled by
	// featurestore.EscapeText they are what pages see.
	paths, sha256 []string
	widths        []int32
	heights       []int32
	// label and split are places in classes and splits, -1 for none.
	label, split []int32
	// groups, which no fold separates, and places are those of a dataset that has such columns, else nil.
	groups []string
	places []*featurestore.Georeference
	// classes are those of the dataset in order, and after them those of the head and new ones; see names.
	classes *names
	splits  []string
	// identity is a checksum of what decides the vectors: paths, images, recipe. It is the same after relabelling.
	identity string

	// data is shared by editions of equal identity.
	data *vectorData
}

// rows is their number.
func (t *table) rows() int { return len(t.paths) }

// names is a list that grows, of names spelled as JSON can hold them.
type names struct {
	mutex sync.RWMutex
	list  []string
	at    map[string]int32
}

// number is the place of a name, which is added if it is new; -1 for "".
func (n *names) number(name string) int32 {
	if name == "" {
		return -1
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	at, ok := n.at[name]
	if !ok {
		at = int32(len(n.list))
		n.at[name] = at
		n.list = append(n.list, name)
	}
	return at
}

// name is the name at a place, "" for -1.
func (n *names) name(at int32) string {
	n.mutex.RLock()
	defer n.mutex.RUnlock()
	if at < 0 {
		return ""
	}
	return n.list[at]
}

// all are the names so far.
func (n *names) all() []string {
	n.mutex.RLock()
	defer n.mutex.RUnlock()
	return slices.Clone(n.list)
}

// newNames begins with a sorted list.
func newNames(sorted []string) *names {
	n := &names{at: map[string]int32{}}
	for _, name := range sorted {
		n.number(name)
	}
	return n
}

// openTable reads all of a dataset but its vectors.
func openTable(ctx context.Context, o Options) (*table, error) {
	d, err := featurestore.ReadOptions{MaxMemory: o.MaxMemory}.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	if d.Rows() == 0 {
		return nil, fmt.Errorf("%s has %w", o.Dir, featurestore.ErrEmpty)
	}
	layer, _, err := explore.Selection{Layer: o.Layer}.Resolve(ctx, d)
	if err != nil {
		return nil, err
	}
	t := &table{dataset: d, version: d.Edition(), layer: layer, data: &vectorData{ready: make(chan struct{})}}
	return t, t.read(ctx)
}

// read reads the rows.
func (t *table) read(ctx context.Context) error {
	n := t.dataset.Rows()
	t.paths, t.sha256 = make([]string, 0, n), make([]string, 0, n)
	t.widths, t.heights = make([]int32, 0, n), make([]int32, 0, n)
	labels, splits := newNames(nil), newNames(nil)
	sum, extra := newIdentity(t), t.dataset.Manifest().ExtraColumns
	grouped, placed := slices.Contains(extra, featurestore.ExtraGroup), slices.Contains(extra, featurestore.ExtraGeoreference)
	err := t.dataset.Scan(ctx, featurestore.ScanOptions{Layers: []string{}}, func(b *featurestore.Batch) error {
		for _, r := range b.Rows {
			t.paths, t.sha256 = append(t.paths, r.Path), append(t.sha256, r.SHA256)
			t.widths, t.heights = append(t.widths, r.Width), append(t.heights, r.Height)
			t.label = append(t.label, labels.number(featurestore.EscapeText(r.Label)))
			t.split = append(t.split, splits.number(featurestore.EscapeText(r.Split)))
			if grouped {
				t.groups = append(t.groups, r.Group)
			}
			if placed {
				t.places = append(t.places, r.Georeference)
			}
			sum.add(r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	t.identity = sum.String()
	t.classes, t.splits = labels.sorted(t.label), splits.sorted(t.split).list
	return nil
}

// sorted is the list in order, to which it changes the numbers.
func (n *names) sorted(numbers []int32) *names {
	list := append([]string{}, n.list...)
	slices.Sort(list)
	ordered := newNames(list)
	place := make([]int32, len(n.list))
	for i, name := range n.list {
		place[i] = ordered.number(name)
	}
	for i, number := range numbers {
		if number >= 0 {
			numbers[i] = place[number]
		}
	}
	return ordered
}

// notes are sentences for people.
func (t *table) notes() []string {
	if unfinished := t.dataset.Unfinished(); unfinished != "" {
		return []string{unfinished + "."}
	}
	return []string{}
}

// contains says whether a row's path has a text in it; text is in lower case.
func (t *table) contains(row int, text string) bool {
	return strings.Contains(strings.ToLower(featurestore.EscapeText(t.paths[row])), text)
}

// inherit takes over what an earlier edition has in common with this one: vectors, and the numbers of classes.
func (t *table) inherit(before *table) {
	if t.identity != before.identity || t.layer.Name != before.layer.Name {
		return
	}
	if before.data.whole() {
		t.data = before.data
	}
	var numbers []int32
	for _, name := range t.classes.all() {
		numbers = append(numbers, before.classes.number(name))
	}
	for i, at := range t.label {
		if at >= 0 {
			t.label[i] = numbers[at]
		}
	}
	t.classes = before.classes
}

// vectorData are the vectors of the layer, read in the background.
type vectorData struct {
	// ready is closed when they are in memory, or why not is known.
	ready  chan struct{}
	once   sync.Once
	floats []float32
	memory scratch.Memory
	err    error
}

// load reads the vectors, once. Of more than half of the machine's memory, they lie in a temporary file.
func (d *vectorData) load(ctx context.Context, t *table) {
	d.once.Do(func() {
		defer close(d.ready)
		d.memory.Above = budget.Total() / 2
		m, err := t.dataset.MatrixIn(ctx, t.layer.Name, d.memory.Floats)
		if d.err = err; err == nil {
			d.floats = m.Data
		}
	})
}

// whole says whether the vectors are there.
func (d *vectorData) whole() bool {
	select {
	case <-d.ready:
		return d.err == nil
	default:
		return false
	}
}

// free gives the memory of the vectors back. Nobody may read them afterwards.
func (d *vectorData) free() { d.memory.Free(d.floats) }

// vectors waits for the vectors: row i is the result[i*cols : (i+1)*cols], where cols is layer.Size(). They must not be
// changed.
func (t *table) vectors(ctx context.Context) ([]float32, error) {
	select {
	case <-t.data.ready:
		return t.data.floats, t.data.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// source is the vectors as a stream.
func (t *table) source(floats []float32) vectors.Source {
	cols := t.layer.Size()
	return vectors.Matrix(floats, cols, max(1, blockValues/cols))
}

// blockValues is the number of values of a block: 4 MiB.
const blockValues = 1 << 20
