package featurestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/featurestore/internal/guard"
	"fovea/internal/text"
	"fovea/recipe"
)

// Dataset is a dataset opened for reading. It holds no open files and may be used by several
// goroutines. Everything read through it belongs to the dataset that was there when it was opened:
// once that has been replaced, reading fails with ErrReplaced.
type Dataset struct {
	dir string
	// root is the directory that contains the files; see resolve.
	root     string
	manifest Manifest
	layout   layout
	// elements says whether shards have optional or required list elements. Tensors do not count:
	// theirs are always optional.
	elements struct{ optional, required bool }
	mem      memory.Allocator
	// groups are the numbers of rows of each shard's row groups; see shardReader.
	groups [][]int
	// stamps are the stamps of the shards, failed is that of the list of failures; see editionOf.
	stamps  []stamp
	failed  stamp
	edition edition
}

// Open opens the dataset in dir. It reads the manifest and every shard's footer, and fails if they
// disagree. Errors are ErrNotDataset or ErrCorrupt, among others.
//
// A dataset that is still being written, or whose writer was killed, is opened with the shards
// finished so far; see Manifest.Status. While a writer replaces the dataset, Open returns the old one
// or the new one; ErrReplaced means that it was replaced again and again.
func Open(dir string) (*Dataset, error) { return ReadOptions{}.Open(dir) }

// ReadOptions say how a dataset is read.
type ReadOptions struct {
	// MaxMemory is how many bytes of memory reading one of its files may take. By default its size decides: 256 MiB
	// and 16 times the size, but not more than the machine has. A file that needs more is refused with
	// budget.ErrMemory. Vectors that are kept do not count.
	MaxMemory int64
}

func (o ReadOptions) memory() memory.Allocator {
	return guard.Limited{Allocator: memory.DefaultAllocator, Most: o.MaxMemory}
}

// Open is the function Open, with options.
func (o ReadOptions) Open(dir string) (*Dataset, error) {
	d, err := open(dir, o.memory())
	if err != nil {
		return nil, fmt.Errorf("featurestore: open %q: %w", dir, withValidate(err, dir))
	}
	return d, nil
}

// withValidate says of a damaged dataset how to see what is wrong.
func withValidate(err error, dir string) error {
	if errors.Is(err, ErrCorrupt) {
		return fmt.Errorf("%w; extract dataset validate %s lists everything that is wrong", err, dir)
	}
	return err
}

func open(dir string, mem memory.Allocator) (*Dataset, error) {
	return steady(dir, quickAttempts, func(now edition) (*Dataset, error) { return openOnce(dir, now, mem) })
}

func openOnce(dir string, now edition, mem memory.Allocator) (*Dataset, error) {
	root := now.root
	m, where, err := readManifest(root, mem)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noManifest(root)
	}
	if err != nil {
		return nil, err
	}
	if err := m.statFailures(root, where); err != nil {
		return nil, err
	}
	d := &Dataset{dir: dir, root: root, manifest: m, layout: where, mem: mem, edition: now}
	if info, err := os.Stat(inDir(root, where.failures)); err == nil {
		d.failed = stampOf(info)
	}
	return d, d.findShards()
}

// findShards reads the shards' footers, compares them with the manifest and completes it.
func (d *Dataset) findShards() error {
	names, err := listShards(d.root, d.manifest.Format)
	if err != nil {
		return err
	}
	known := map[string]Shard{}
	for _, s := range d.manifest.Shards {
		known[s.File] = s
	}
	found := make([]Shard, 0, len(names))
	rows := 0
	for i, name := range names {
		s, groups, err := d.inspect(name, known[dataDir+"/"+name])
		if err != nil {
			return err
		}
		d.groups = append(d.groups, groups)
		listed, ok := known[s.File]
		switch {
		case ok && listed.Rows == s.Rows && listed.Bytes == s.Bytes:
			s.SHA256, s.TailSHA256 = listed.SHA256, listed.TailSHA256
		case d.manifest.Status == StatusWriting: // the manifest is older than the shard
		case !ok:
			return fmt.Errorf("%w: %s lacks %s", ErrCorrupt, manifestName, s.File)
		default:
			return fmt.Errorf("%w: %s has %d rows in %d bytes, but %s says %d rows in %d bytes", ErrCorrupt, s.File, s.Rows, s.Bytes, manifestName, listed.Rows, listed.Bytes)
		}
		if full := d.manifest.RowsPerShard; s.Rows > full || s.Rows < full && i < len(names)-1 && !d.manifest.Assembled {
			return fmt.Errorf("%w: %s has %d rows, but shards have %d and only the last may have fewer", ErrCorrupt, s.File, s.Rows, full)
		}
		found = append(found, s)
		rows += s.Rows
	}
	return d.complete(found, rows)
}

// complete puts what was found into the manifest, unless shards or rows are missing.
func (d *Dataset) complete(found []Shard, rows int) error {
	if len(found) < len(d.manifest.Shards) {
		return fmt.Errorf("%w: %s is missing, which %s lists", ErrCorrupt, d.manifest.Shards[len(found)].File, manifestName)
	}
	if d.manifest.Status != StatusWriting && rows != d.manifest.Rows {
		return fmt.Errorf("%w: the shards have %d rows, but %s says %d", ErrCorrupt, rows, manifestName, d.manifest.Rows)
	}
	d.manifest.Shards, d.manifest.Rows = found, rows
	return nil
}

// inspect reads a shard's footer and compares it and the file's end with listed, the manifest's entry,
// if there is one. It also returns the numbers of rows of its row groups.
func (d *Dataset) inspect(name string, listed Shard) (Shard, []int, error) {
	r, err := openShard(d.root, name, d.mem)
	if err != nil {
		return Shard{}, nil, err
	}
	defer r.close()
	if err := errors.Join(d.manifest.agrees(name, r.meta), r.countValues(), r.sameTail(listed)); err != nil {
		return Shard{}, nil, err
	}
	if optional, known := r.optionalElements(d.manifest.TensorExtension); known {
		d.elements.optional = d.elements.optional || optional
		d.elements.required = d.elements.required || !optional
	}
	d.stamps = append(d.stamps, r.stamp)
	return Shard{File: dataDir + "/" + name, Rows: r.rows, Bytes: r.stamp.size}, r.groups, nil
}

// agrees compares a shard's own metadata with the manifest.
func (m Manifest) agrees(name string, meta shardMeta) error {
	if meta.fingerprint != m.Fingerprint {
		return fmt.Errorf("%w: %s/%s was made in another way than %s says: %s", ErrCorrupt, dataDir, name, manifestName,
			describe(differences(m.Recipe, meta.recipe), "in the manifest", "in the shard"))
	}
	if have, want := joinExtra(meta.extra), joinExtra(m.ExtraColumns); have != want {
		return fmt.Errorf("%w: %s/%s has the columns on request %q, but %s says %q", ErrCorrupt, dataDir, name, have, manifestName, want)
	}
	if meta.dtype != m.DType {
		return fmt.Errorf("%w: %s/%s stores %s, but %s says %s", ErrCorrupt, dataDir, name, meta.dtype, manifestName, m.DType)
	}
	return nil
}

// Manifest returns the manifest, with the rows and shards that were found. While the status is
// StatusWriting, its other counts are those from when the writer started.
func (d *Dataset) Manifest() Manifest {
	m := d.manifest
	m.Shards = slices.Clone(m.Shards)
	return m
}

// Recipe returns everything that decides the values of the vectors.
func (d *Dataset) Recipe() recipe.Recipe { return d.manifest.Recipe }

// Unfinished says what people must know of a dataset that another run has yet to finish, as in "features is not complete
// (interrupted): it has 4 rows so far"; it is "" for a complete one.
func (d *Dataset) Unfinished() string {
	if d.manifest.Status == StatusComplete {
		return ""
	}
	return fmt.Sprintf("%s is not complete (%s): it has %s so far", d.dir, d.manifest.Status, text.Plural(d.Rows(), "row"))
}

// Rows is the total number of rows.
func (d *Dataset) Rows() int { return d.manifest.Rows }

// Shards returns the shards in order.
func (d *Dataset) Shards() []Shard { return slices.Clone(d.manifest.Shards) }

// Failures reads the images without features, in the order in which they were appended.
func (d *Dataset) Failures() ([]Failure, error) {
	failures, err := d.failures()
	if err != nil {
		return nil, fmt.Errorf("featurestore: open %q: %w", d.dir, err)
	}
	return failures, nil
}

// Column is a column of the shards.
type Column struct {
	Name string `json:"name"`
	// Type is as Arrow writes it: string, int32, float64, fixed_size_list<float32>[25088].
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	// Shape and Layout describe a layer's vectors; see recipe.Layer.
	Shape  []int  `json:"shape,omitempty"`
	Layout string `json:"layout,omitempty"`
	// Model is the model's name, where there are several; Of is the layer's name, where it is not the column's.
	Model string `json:"model,omitempty"`
	Of    string `json:"of,omitempty"`
}

// Columns returns the columns of the shards in order.
func (d *Dataset) Columns() []Column {
	var columns []Column
	for _, f := range fixedSchema(Info{Recipe: d.manifest.Recipe, DType: d.manifest.DType, Extra: d.manifest.ExtraColumns}, arrow.Metadata{}).Fields() {
		c := Column{Name: f.Name, Type: f.Type.String(), Nullable: f.Nullable}
		if c.Type == "utf8" {
			c.Type = "string"
		}
		if l, ok := d.manifest.Recipe.Layer(f.Name); ok {
			c.Type = fmt.Sprintf("fixed_size_list<%s>[%d]", d.manifest.DType, l.Size())
			c.Shape, c.Layout, c.Of = l.Shape, l.Layout, l.Of
			if part, _ := d.manifest.Recipe.Part(f.Name); len(d.manifest.Recipe.Added) > 0 {
				c.Model = part.Model
			}
		}
		columns = append(columns, c)
	}
	return columns
}
