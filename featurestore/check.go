package featurestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"fovea/internal/finite"
)

// Problem is one thing that is wrong with a dataset.
type Problem struct {
	// File is the damaged file below the dataset's directory.
	File string `json:"file"`
	// Row is the row's place in File, from 0, and -1 if no single row is damaged. Path and
	// Layer are the row's, or "".
	Row   int    `json:"row"`
	Path  string `json:"path,omitempty"`
	Layer string `json:"layer,omitempty"`
	Err   error  `json:"-"`
}

func (p Problem) Error() string {
	where := p.File
	if p.Row >= 0 {
		where += fmt.Sprintf(": row %d", p.Row)
	}
	if p.Path != "" {
		where += fmt.Sprintf(" %q", p.Path)
	}
	if p.Layer != "" {
		where += fmt.Sprintf(", layer %q", p.Layer)
	}
	return where + ": " + p.Err.Error()
}

func (p Problem) Unwrap() error { return p.Err }

// maxProblems bounds what a report lists.
const maxProblems = 1000

// Report is what Check found.
type Report struct {
	// Problems are at most 1000; More counts the others.
	Problems []Problem
	More     int
	// Shards, Rows and Bytes (of the shards) are those that were there; Failures those of
	// the list of them.
	Shards, Rows, Failures int
	Bytes                  int64
}

// Err is nil or all problems joined.
func (r Report) Err() error {
	var errs []error
	for _, p := range r.Problems {
		errs = append(errs, p)
	}
	if r.More > 0 {
		errs = append(errs, fmt.Errorf("%w: %d more problems", ErrCorrupt, r.More))
	}
	return errors.Join(errs...)
}

// Verify reads the dataset in dir and returns everything that is wrong with it as one error;
// see Check.
func Verify(dir string) error {
	report, err := Check(context.Background(), dir)
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return fmt.Errorf("featurestore: verify %q: %w", dir, err)
	}
	return nil
}

// Check reads all of a dataset and reports everything that is wrong with it, however much
// that is: files that are missing, foreign, cut off or changed, a manifest that does not
// agree with them, vectors of a wrong length or with nulls, NaN or infinities, paths that
// occur twice, wrong counts. Damage in one place does not hide that in another.
//
// A directory without a dataset is the error ErrNotDataset; a cancelled context is its error.
func Check(ctx context.Context, dir string) (Report, error) {
	c := &checker{
		ctx: ctx, dir: dir, mem: memory.DefaultAllocator,
		paths: map[string]string{}, labels: map[string]int{}, splits: map[string]int{},
	}
	if err := c.readManifest(); err != nil {
		return Report{}, err
	}
	for _, name := range c.shardNames() {
		if ctx.Err() != nil {
			return Report{}, context.Cause(ctx)
		}
		c.shard(name)
	}
	c.failures()
	if c.manifest != nil && c.manifest.Status != StatusWriting {
		c.counts()
	}
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	return c.report, nil
}

type checker struct {
	ctx      context.Context
	dir      string
	mem      memory.Allocator
	layout   layout
	manifest *Manifest // nil if it cannot be read
	report   Report
	// paths maps each path to the file that has it.
	paths          map[string]string
	labels, splits map[string]int
	// incomplete: rows could not be read, so that counts say nothing.
	incomplete bool
}

func (c *checker) problem(p Problem) {
	if len(c.report.Problems) == maxProblems {
		c.report.More++
		return
	}
	if !errors.Is(p.Err, ErrCorrupt) {
		p.Err = fmt.Errorf("%w: %w", ErrCorrupt, p.Err)
	}
	c.report.Problems = append(c.report.Problems, p)
}

// wrong reports what concerns a whole file.
func (c *checker) wrong(file, format string, args ...any) {
	c.problem(Problem{File: file, Row: -1, Err: fmt.Errorf(format, args...)})
}

func (c *checker) readManifest() error {
	c.layout = layoutOf(c.dir)
	raw, err := os.ReadFile(inDir(c.dir, c.layout.manifest))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(c.dir, dataDir)); err != nil {
			return fmt.Errorf("%w of features: it has neither %s nor %s", ErrNotDataset, ManifestFile, dataDir)
		}
		c.wrong(c.layout.manifest, "it is missing")
		return nil
	}
	var m Manifest
	if err == nil {
		m, err = ParseManifest(raw)
	}
	switch {
	case raw == nil && err != nil:
		return err
	case err != nil && m.Kind == "": // of another kind or version, or no JSON
		c.wrong(c.layout.manifest, "%w", err)
		return nil
	}
	for _, err := range inspectManifest(raw, m) {
		c.wrong(c.layout.manifest, "%w", err)
	}
	if err == nil || validateLayers(m.Recipe.Layers) == nil {
		c.manifest = &m
	}
	return nil
}

// shardNames are the names of all shards, listed or found, and reports foreign files.
func (c *checker) shardNames() []string {
	listed, found := map[string]bool{}, map[string]bool{}
	if c.manifest != nil {
		for _, s := range c.manifest.Shards {
			name := filepath.Base(filepath.FromSlash(s.File))
			if _, format, ok := shardIndex(name); !ok || format != c.manifest.Format || s.File != dataDir+"/"+name {
				continue // inspectManifest has said so
			}
			listed[name] = true
		}
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, dataDir))
	if err != nil {
		c.wrong(dataDir, "%w", err)
	}
	for _, e := range entries {
		_, format, ok := shardIndex(e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case !ok || c.manifest != nil && format != c.manifest.Format:
			c.wrong(dataDir+"/"+e.Name(), "it is none of the dataset's shards")
		default:
			found[e.Name()] = true
			if c.manifest != nil && c.manifest.Status != StatusWriting && !listed[e.Name()] {
				c.wrong(dataDir+"/"+e.Name(), "%s does not list it", manifestName)
			}
		}
	}
	for name := range listed {
		if !found[name] {
			c.incomplete = true
			c.wrong(dataDir+"/"+name, "it is missing")
		}
	}
	return slices.SortedFunc(maps.Keys(found), compareShards)
}

// compareShards orders names of shards by their number.
func compareShards(a, b string) int {
	i, _, _ := shardIndex(a)
	j, _, _ := shardIndex(b)
	return i - j
}

func (c *checker) shard(name string) {
	file := dataDir + "/" + name
	c.report.Shards++
	c.report.Bytes += max(0, c.size(file))
	c.hash(file)
	r, err := openShard(c.dir, name, c.mem)
	if err != nil {
		c.incomplete = true
		c.problem(Problem{File: file, Row: -1, Err: err})
		return
	}
	defer r.close()
	if c.manifest != nil {
		c.agree(file, r)
	}
	c.report.Rows += r.rows
	columns := append(slices.Clone(fixedColumns), r.meta.recipe.LayerNames()...)
	first := 0
	for group, rows := range r.groups {
		at := first
		err := r.scanGroup(c.ctx, group, columns, func(part chunk) error {
			err := c.chunk(file, at, r.meta, part)
			at += part.rows
			return err
		})
		if err != nil && c.ctx.Err() == nil {
			c.incomplete = true
			c.problem(Problem{File: file, Row: -1, Err: fmt.Errorf("after row %d: %w", at, err)})
		}
		first += rows
	}
}

// listed is a shard as the manifest lists it, nil if it does not. A killed writer leaves shards that
// no manifest lists, or lists as shorter than they are by now.
func (c *checker) listed(file string) *Shard {
	if c.manifest == nil {
		return nil
	}
	m := c.manifest
	at := slices.IndexFunc(m.Shards, func(s Shard) bool { return s.File == file })
	if at < 0 {
		return nil
	}
	s := &m.Shards[at]
	if m.Status == StatusWriting && at == len(m.Shards)-1 && s.Rows < m.RowsPerShard && c.size(file) != s.Bytes {
		return nil
	}
	return s
}

// size is that of a file of the dataset, -1 if there is none.
func (c *checker) size(file string) int64 {
	stat, err := os.Stat(inDir(c.dir, file))
	if err != nil {
		return -1
	}
	return stat.Size()
}

// hash compares the bytes of a shard with the manifest.
func (c *checker) hash(file string) {
	listed := c.listed(file)
	if listed == nil {
		return
	}
	if size := c.size(file); size != listed.Bytes {
		c.wrong(file, "it has %d bytes, but %s says %d", size, manifestName, listed.Bytes)
	}
	sum, err := HashFile(inDir(c.dir, file))
	if err != nil {
		c.wrong(file, "%w", err)
		return
	}
	if sum != listed.SHA256 {
		c.wrong(file, "its SHA-256 is %s, but %s says %s", sum, manifestName, listed.SHA256)
	}
}

// agree compares a shard's footer with the manifest.
func (c *checker) agree(file string, r *shardReader) {
	if err := c.manifest.agrees(r.name, r.meta); err != nil {
		c.problem(Problem{File: file, Row: -1, Err: err})
	}
	if listed := c.listed(file); listed != nil && listed.Rows != r.rows {
		c.wrong(file, "it has %d rows, but %s says %d", r.rows, manifestName, listed.Rows)
	}
	index, _, _ := shardIndex(r.name)
	last := index >= len(c.manifest.Shards)-1
	if full := c.manifest.RowsPerShard; full > 0 && (r.rows > full || r.rows < full && !last && !c.manifest.Assembled) {
		c.wrong(file, "it has %d rows, but shards have %d and only the last may have fewer", r.rows, full)
	}
}

// chunk checks some rows, the first of which has place at in its file.
func (c *checker) chunk(file string, at int, meta shardMeta, part chunk) error {
	rows, err := part.identities(nil)
	if err != nil {
		return err
	}
	for i := range rows {
		c.path(file, at+i, rows[i].Path)
		count(c.labels, rows[i].Label)
		count(c.splits, rows[i].Split)
	}
	for _, l := range meta.recipe.Layers {
		report := func(row int, err error) {
			c.problem(Problem{File: file, Row: at + row, Path: rows[row].Path, Layer: l.Name, Err: err})
		}
		values, err := part.vectors(l)
		if err != nil {
			if !part.badVectors(l.Name, l.Size(), report) {
				return err
			}
			continue
		}
		flat := values.single
		if values.half != nil {
			flat = make([]float32, values.len())
			values.copyTo(flat)
		}
		for row := range rows {
			v := flat[row*l.Size() : (row+1)*l.Size()]
			if i := finite.First(v); i >= 0 {
				report(row, fmt.Errorf("%w: value %d is %g", ErrNotFinite, i, v[i]))
			}
		}
	}
	return nil
}

// badVectors reports each row whose vector is null, has nulls or another length, and whether
// there was one.
func (c chunk) badVectors(name string, size int, report func(row int, err error)) bool {
	column, err := c.column(name)
	if err != nil {
		return false
	}
	list, ok := column.(array.ListLike)
	if !ok {
		return false
	}
	values, found := list.ListValues(), false
	for i := range column.Len() {
		from, to := list.ValueOffsets(i)
		nulls := 0
		for j := from; j < to && j < int64(values.Len()); j++ {
			if values.IsNull(int(j)) {
				nulls++
			}
		}
		switch {
		case column.IsNull(i):
			report(i, errors.New("it is null"))
		case to-from != int64(size):
			report(i, fmt.Errorf("%w: %d values instead of %d", ErrVectorLength, to-from, size))
		case nulls > 0:
			report(i, fmt.Errorf("%d of its values are null", nulls))
		default:
			continue
		}
		found = true
	}
	return found
}

func (c *checker) path(file string, row int, path string) {
	if path == "" {
		c.problem(Problem{File: file, Row: row, Err: errors.New("it has no path")})
		return
	}
	if other, ok := c.paths[path]; ok {
		c.problem(Problem{File: file, Row: row, Path: path, Err: fmt.Errorf("%w, which %s has too", ErrDuplicatePath, other)})
		return
	}
	c.paths[path] = file
}

func (c *checker) failures() {
	var want *FileSum
	if c.manifest != nil {
		want = c.manifest.failuresSum(c.layout)
	}
	failures, err := readFailures(c.ctx, c.dir, c.layout, want, c.mem)
	writing := c.manifest != nil && c.manifest.Status == StatusWriting
	if err != nil {
		if !(writing && errors.Is(err, fs.ErrNotExist)) && c.ctx.Err() == nil {
			c.wrong(c.layout.failures, "%w", err)
		}
		return
	}
	c.report.Failures = len(failures)
	for i, f := range failures {
		c.path(c.layout.failures, i, f.Path)
	}
	if c.manifest != nil && !writing && len(failures) != c.manifest.Failures {
		c.wrong(c.layout.failures, "it has %d rows, but %s says %d", len(failures), manifestName, c.manifest.Failures)
	}
}

func (c *checker) counts() {
	if c.incomplete {
		return
	}
	m := c.manifest
	if c.report.Rows != m.Rows {
		c.wrong(c.layout.manifest, "it says %d rows, but the shards have %d", m.Rows, c.report.Rows)
	}
	if !maps.Equal(c.labels, m.Labels) {
		c.wrong(c.layout.manifest, "it says the labels are %v, but the rows have %v", m.Labels, c.labels)
	}
	if !maps.Equal(c.splits, m.Splits) {
		c.wrong(c.layout.manifest, "it says the splits are %v, but the rows have %v", m.Splits, c.splits)
	}
}

// count counts a label or split as the manifest does.
func count(counts map[string]int, value string) {
	if value != "" {
		counts[EscapeText(value)]++
	}
}

// HashFile is the SHA-256 of a file, in hex as Shard has it.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read from
	return hashReader(context.Background(), f)
}
